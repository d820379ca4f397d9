"""Images, what was read of them, and proposals.

Needs: the folders of `data` in the configuration, or its `scenes`.
Gives: manifest.parquet, problems.csv, proposals/{trainval,test}.parquet.
"""

if "scenes" in config:

    rule generate:
        """Draw the generated sets, in the layouts of VOC 2007 and of an image folder."""
        output:
            scenes=directory("<artifacts>/scenes"),
            digest="<artifacts>/scenes.json",
        log:
            "<logs>/generate.log",
        benchmark:
            "<logs>/generate.tsv"
        conda:
            "../envs/sppnet.yaml"
        threads: ALL_CORES
        resources:
            mem_mb=2000,
        params:
            settings=flags(config["scenes"]),
            code=code_hash("sppnet.commands.generate"),
        shell:
            "sppnet generate {params.settings} --workers {threads}"
            " --output {output.scenes:q} --digest {output.digest:q} > {log:q} 2>&1"


rule prepare:
    """Read both sets once: sizes, labels, boxes and checksums, and a list of what is broken."""
    input:
        unpack(image_sets),
    output:
        manifest="<artifacts>/manifest.parquet",
        problems="<artifacts>/problems.csv",
    log:
        "<logs>/prepare.log",
    benchmark:
        "<logs>/prepare.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=2000,
    params:
        settings=flags(data_settings()),
        code=code_hash("sppnet.commands.prepare"),
    shell:
        "sppnet prepare {params.settings} --workers {threads}"
        " --manifest {output.manifest:q} --problems {output.problems:q} > {log:q} 2>&1"


rule prepare_imagenet:
    """Read ImageNet 2012 once, from its archives or its folders."""
    input:
        config["data"]["imagenet"] or [],
    output:
        manifest="<artifacts>/imagenet.parquet",
        problems="<artifacts>/imagenet_problems.csv",
    log:
        "<logs>/prepare_imagenet.log",
    benchmark:
        "<logs>/prepare_imagenet.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=4000,
    params:
        root=flags({"root": config["data"]["imagenet"]}),
        code=code_hash("sppnet.commands.prepare_imagenet"),
    shell:
        "sppnet prepare-imagenet {params.root} --workers {threads} --work work/prepare_imagenet"
        " --manifest {output.manifest:q} --problems {output.problems:q} > {log:q} 2>&1"


rule store_images:
    """Resize the images of a split once and keep them in a few large files."""
    input:
        manifest=CLASSIFICATION,
    output:
        store=directory("<artifacts>/store/{part}"),
        digest="<artifacts>/store/{part}.json",
        problems="<artifacts>/store/{part}_problems.csv",
    log:
        "<logs>/store_images/{part}.log",
    benchmark:
        "<logs>/store_images/{part}.tsv"
    wildcard_constraints:
        part="train|val",
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=4000,
    params:
        settings=flags(config.get("store", {})),
        code=code_hash("sppnet.commands.store_images"),
    shell:
        "sppnet store-images --manifest {input.manifest:q} --dataset classification"
        " --split {wildcards.part} {params.settings} --workers {threads}"
        " --work work/store_images/{wildcards.part} --output {output.store:q}"
        " --digest {output.digest:q} --problems {output.problems:q} > {log:q} 2>&1"


rule propose:
    """Selective search on every image of a split; early, because it waits for all cores."""
    input:
        manifest="<artifacts>/manifest.parquet",
    output:
        proposals="<artifacts>/proposals/{split}.parquet",
        recall="<artifacts>/proposals/{split}.json",
    log:
        "<logs>/propose/{split}.log",
    benchmark:
        "<logs>/propose/{split}.tsv"
    priority: 2
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=4000,
    params:
        settings=flags(config["proposals"]),
        code=code_hash("sppnet.commands.propose"),
    shell:
        "sppnet propose --manifest {input.manifest:q} --split {wildcards.split}"
        " {params.settings} --workers {threads} --work work/propose/{wildcards.split}"
        " --output {output.proposals:q} --recall {output.recall:q} > {log:q} 2>&1"
