"""Networks fine-tuned on boxes.

Needs: voc.parquet, proposals/trainval.parquet, networks, and for SPP their features.
Gives: detectors/{detector}/finetuned.safetensors, with its history (.csv).
"""


rule finetune:
    """Fine-tune the fully-connected layers on boxes pooled from the maps."""
    input:
        manifest="<artifacts>/voc.parquet",
        proposals="<artifacts>/proposals/trainval.parquet",
        weights=per_job(PLAN.detection.weights),
        features=per_job(PLAN.detection.features, split="trainval"),
    output:
        weights="<artifacts>/detectors/{detector}/finetuned.safetensors",
        history="<artifacts>/detectors/{detector}/finetune.csv",
    log:
        "<logs>/finetune/{detector}.log",
    benchmark:
        "<logs>/finetune/{detector}.tsv"
    wildcard_constraints:
        detector=one_of(PLAN.detection.named("spp")),
    priority: 1
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(8000),
    params:
        settings=per_job(PLAN.detection.finetuning),
        code=code_hash("sppnet.commands.finetune"),
    shell:
        "sppnet finetune --manifest {input.manifest:q} --proposals {input.proposals:q}"
        " --weights {input.weights:q} --features {input.features:q} {params.settings}"
        " --threads {threads}"
        " --work work/finetune/{wildcards.detector} --output {output.weights:q}"
        " --history {output.history:q} > {log:q} 2>&1"


rule finetune_rcnn:
    """Fine-tune all layers on warped boxes."""
    input:
        manifest="<artifacts>/voc.parquet",
        proposals="<artifacts>/proposals/trainval.parquet",
        weights=per_job(PLAN.detection.weights),
    output:
        weights="<artifacts>/detectors/{detector}/finetuned.safetensors",
        history="<artifacts>/detectors/{detector}/finetune.csv",
    log:
        "<logs>/finetune_rcnn/{detector}.log",
    benchmark:
        "<logs>/finetune_rcnn/{detector}.tsv"
    wildcard_constraints:
        detector=one_of(PLAN.detection.named("rcnn")),
    priority: 3
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(8000),
    params:
        settings=per_job(PLAN.detection.finetuning),
        code=code_hash("sppnet.commands.finetune_rcnn"),
    shell:
        "sppnet finetune-rcnn --manifest {input.manifest:q} --proposals {input.proposals:q}"
        " --weights {input.weights:q} {params.settings} --threads {threads}"
        " --work work/finetune_rcnn/{wildcards.detector} --output {output.weights:q}"
        " --history {output.history:q} > {log:q} 2>&1"
