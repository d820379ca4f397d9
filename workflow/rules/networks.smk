"""Pre-trained networks.

Needs: a manifest or stores of images, and the weights file of an imported backbone.
Gives: networks/{network}.safetensors, with its history (.csv) and validation (.json).
"""


rule import_weights:
    """Convert a backbone that was trained elsewhere."""
    input:
        backbone_source,
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
        mem_mb=2000,
    params:
        settings=import_settings,
        code=code_hash("sppnet.commands.import_weights"),
    shell:
        "sppnet import-weights {params.settings} --output {output:q} > {log:q} 2>&1"


rule pretrain:
    """Train a network to name the one object of an image."""
    input:
        unpack(training_images),
        backbone_weights=backbone_file,
    output:
        weights="<artifacts>/networks/{network}.safetensors",
        history="<artifacts>/networks/{network}.csv",
        metrics="<artifacts>/networks/{network}.json",
    log:
        "<logs>/pretrain/{network}.log",
    benchmark:
        "<logs>/pretrain/{network}.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: PRETRAIN_THREADS
    resources:
        mem_mb=8000,
        workers=PRETRAIN_THREADS - 1,
    params:
        settings=pretrain_settings,
        images=training_flags,
        launcher=launcher,
        code=code_hash("sppnet.commands.pretrain"),
    shell:
        "{params.launcher} pretrain {params.images} {params.settings}"
        " --threads {threads} --workers {resources.workers} --work work/pretrain/{wildcards.network}"
        " --weights {output.weights:q} --history {output.history:q}"
        " --metrics {output.metrics:q} > {log:q} 2>&1"
