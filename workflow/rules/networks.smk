"""Pretrained networks.

Needs: a manifest or stores of images, and the weights file of an imported backbone.
Gives: networks/{network}.safetensors; if trained here, its history (.csv) and validation (.json).
"""

# With a store, processes decode beside the one that trains.
PRETRAIN_THREADS = ALL_CORES if SETTINGS.store else 1


wildcard_constraints:
    network=one_of(SETTINGS.all_networks),


rule import_weights:
    """Import a backbone that was trained elsewhere."""
    input:
        per_job(PLAN.networks.source_files),
    output:
        "<artifacts>/networks/{network}.backbone.safetensors",
    log:
        "<logs>/import_weights/{network}.log",
    benchmark:
        "<logs>/import_weights/{network}.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
    params:
        source=per_job(PLAN.networks.source),
        backbone=per_job(PLAN.networks.backbone_name),
        code=code_hash("sppnet.commands.import_weights"),
    shell:
        "sppnet import-weights {params.source} --backbone {params.backbone} --output {output:q}"
        " > {log:q} 2>&1"


rule assemble_network:
    """Put fully-connected layers on an imported backbone, without training."""
    input:
        per_job(PLAN.networks.backbone),
    output:
        "<artifacts>/networks/{network}.safetensors",
    log:
        "<logs>/assemble_network/{network}.log",
    benchmark:
        "<logs>/assemble_network/{network}.tsv"
    wildcard_constraints:
        network=one_of(PLAN.networks.untrained()),
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
    params:
        architecture=per_job(PLAN.networks.architecture),
        code=code_hash("sppnet.commands.assemble_network"),
    shell:
        "sppnet assemble-network {params.architecture} --backbone-weights {input:q}"
        " --output {output:q} > {log:q} 2>&1"


rule pretrain:
    """Pretrain a network on image classification."""
    input:
        images=per_job(PLAN.networks.images_read),
        stores=ancient(PLAN.networks.stores()),
        backbone=per_job(PLAN.networks.backbone),
    output:
        weights="<artifacts>/networks/{network}.safetensors",
        history="<artifacts>/networks/{network}.csv",
        metrics="<artifacts>/networks/{network}.json",
    log:
        "<logs>/pretrain/{network}.log",
    benchmark:
        "<logs>/pretrain/{network}.tsv"
    wildcard_constraints:
        network=one_of(SETTINGS.trained_networks),
    conda:
        "../envs/sppnet.yaml"
    threads: PRETRAIN_THREADS
    resources:
        mem_mb=memory(8000),
        workers=PRETRAIN_THREADS - 1,
    params:
        images=per_job(PLAN.networks.training_images),
        settings=per_job(PLAN.networks.training),
        launcher=launcher,
        code=code_hash("sppnet.commands.pretrain"),
    shell:
        "{params.launcher} pretrain {params.images} {params.settings}"
        " --threads {threads} --workers {resources.workers} --work work/pretrain/{wildcards.network}"
        " --weights {output.weights:q} --history {output.history:q}"
        " --metrics {output.metrics:q} > {log:q} 2>&1"
