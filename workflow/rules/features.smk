"""Features of images and boxes, computed once and stored.

Needs: voc.parquet, proposals/{split}.parquet, networks and fine-tuned networks.
Gives: features/{network}/{size}/{split}.npy (SPP), features/{detector}/{state}/{split}.npy (R-CNN).

From features to detections go the longest chains of a run: their rules have priority, R-CNN's before
all others and its fine-tuning first, so that they do not end alone on one core.
"""


rule cache_maps:
    """Compute the conv5 maps of whole images at one scale."""
    input:
        manifest="<artifacts>/voc.parquet",
        weights="<artifacts>/networks/{network}.safetensors",
    output:
        features="<artifacts>/features/{network}/{size}/{split}.npy",
        index="<artifacts>/features/{network}/{size}/{split}.parquet",
    log:
        "<logs>/cache_maps/{network}.{size}.{split}.log",
    benchmark:
        "<logs>/cache_maps/{network}.{size}.{split}.tsv"
    priority: 1
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
    params:
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.cache_maps"),
    shell:
        "sppnet cache-maps --manifest {input.manifest:q} --weights {input.weights:q}"
        " --split {wildcards.split} --size {wildcards.size} {params.inference} --threads {threads}"
        " --work work/cache_maps/{wildcards.network}.{wildcards.size}.{wildcards.split}"
        " --output {output.features:q} > {log:q} 2>&1"


rule cache_region_features:
    """Compute the features of the warped boxes of a split, before or after fine-tuning."""
    input:
        manifest="<artifacts>/voc.parquet",
        proposals="<artifacts>/proposals/{split}.parquet",
        weights=per_job(PLAN.detection.state_weights),
    output:
        features="<artifacts>/features/{detector}/{state}/{split}.npy",
        index="<artifacts>/features/{detector}/{state}/{split}.parquet",
    log:
        "<logs>/cache_region_features/{detector}.{state}.{split}.log",
    benchmark:
        "<logs>/cache_region_features/{detector}.{state}.{split}.tsv"
    wildcard_constraints:
        detector=one_of(PLAN.detection.named("rcnn")),
    priority: 2
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
    params:
        settings=per_job(PLAN.detection.region_features),
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.cache_region_features"),
    shell:
        "sppnet cache-region-features --manifest {input.manifest:q} --split {wildcards.split}"
        " --proposals {input.proposals:q} --weights {input.weights:q} {params.settings}"
        " {params.inference} --threads {threads}"
        " --work work/cache_region_features/{wildcards.detector}.{wildcards.state}.{wildcards.split}"
        " --output {output.features:q} > {log:q} 2>&1"
