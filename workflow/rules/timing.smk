"""Seconds per image of detectors, view sets and training, each measured in one process.

Needs: manifests, proposals/test.parquet, networks, fine-tuned networks, SVMs.
Gives: timing.json, views_timing.json, training_timing.json.
"""


rule measure_speed:
    """Time the detectors in turn; the job takes all cores, so that nothing else runs."""
    input:
        manifest="<artifacts>/voc.parquet",
        proposals="<artifacts>/proposals/test.parquet",
        weights=PLAN.detection.column_weights(),
        finetuned=PLAN.detection.column_files("finetuned.safetensors"),
        svm=PLAN.detection.column_files("svm.safetensors"),
    output:
        "<artifacts>/timing.json",
    log:
        "<logs>/measure_speed.log",
    benchmark:
        "<logs>/measure_speed.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=memory(4000),
    params:
        columns=requested(PLAN.detection.timed_columns),
        settings=per_job(PLAN.detection.timing),
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.measure_speed"),
    shell:
        "sppnet measure-speed --manifest {input.manifest:q} --proposals {input.proposals:q}"
        " --columns {params.columns:q} {params.settings} {params.inference} --output {output:q} > {log:q} 2>&1"


rule measure_view_speed:
    """Time view sets in turn; the job takes all cores, so that nothing else runs."""
    input:
        manifest=PLAN.images.classification,
        weights=per_job(PLAN.classification.timed_network),
    output:
        "<artifacts>/views_timing.json",
    log:
        "<logs>/measure_view_speed.log",
    benchmark:
        "<logs>/measure_view_speed.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=memory(2000),
    params:
        view_sets=requested(PLAN.classification.timed_view_sets),
        settings=per_job(PLAN.classification.view_timing),
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.measure_view_speed"),
    shell:
        "sppnet measure-view-speed --manifest {input.manifest:q} --weights {input.weights:q}"
        " --view-sets {params.view_sets} {params.settings} {params.inference} --output {output:q} > {log:q} 2>&1"


rule measure_training_speed:
    """Time training at one size and at two in turn; the job takes all cores."""
    input:
        images=per_job(PLAN.networks.images_read),
        stores=ancient(PLAN.networks.stores()),
        weights=per_job(PLAN.classification.timed_variant_networks),
    output:
        "<artifacts>/training_timing.json",
    log:
        "<logs>/measure_training_speed.log",
    benchmark:
        "<logs>/measure_training_speed.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=memory(8000),
        workers=PRETRAIN_THREADS - 1,
        training_threads=PRETRAIN_THREADS,  # no parameter: cores change no result
    params:
        images=per_job(PLAN.networks.training_images),
        variants=requested(PLAN.classification.timed_variants),
        settings=per_job(PLAN.classification.training_timing),
        code=code_hash("sppnet.commands.measure_training_speed"),
    shell:
        "sppnet measure-training-speed {params.images} --variants {params.variants} {params.settings}"
        " --threads {resources.training_threads} --workers {resources.workers}"
        " --output {output:q} > {log:q} 2>&1"
