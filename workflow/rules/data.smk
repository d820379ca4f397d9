"""Image sets, their manifests, and proposals.

Needs: the folders of `data` in the configuration, or its `scenes`.
Gives: a manifest of each set with a list of its problems, proposals/{trainval,test}.parquet.
"""


rule generate:
    """Generate an image set in the layout of VOC 2007, an image folder, ImageNet or Caltech-101."""
    output:
        scenes=directory("<artifacts>/scenes/{layout}"),
        digest="<artifacts>/scenes/{layout}.json",
    log:
        "<logs>/generate/{layout}.log",
    benchmark:
        "<logs>/generate/{layout}.tsv"
    wildcard_constraints:
        layout="VOCdevkit|ImageFolder|ILSVRC2012|caltech101",
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=memory(2000),
    params:
        settings=per_job(PLAN.images.scene_plan),
        code=code_hash("sppnet.commands.generate"),
    shell:
        "sppnet generate --layout {wildcards.layout} {params.settings} --workers {threads}"
        " --output {output.scenes:q} --digest {output.digest:q} > {log:q} 2>&1"


rule prepare_voc:
    """Check the detection set; record sizes, boxes and checksums, and list the problems."""
    input:
        scenes=ancient(per_job(PLAN.images.scenes, layout="VOCdevkit")),
        digest=per_job(PLAN.images.scenes_digest, layout="VOCdevkit"),
    output:
        manifest="<artifacts>/voc.parquet",
        problems="<artifacts>/voc_problems.csv",
    log:
        "<logs>/prepare_voc.log",
    benchmark:
        "<logs>/prepare_voc.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=memory(2000),
    params:
        settings=per_job(PLAN.images.detection),
        contents=contents("prepare_voc"),
        code=code_hash("sppnet.commands.prepare_voc"),
    shell:
        "sppnet prepare-voc {params.settings} --workers {threads}"
        " --manifest {output.manifest:q} --problems {output.problems:q} > {log:q} 2>&1"


rule prepare_image_folder:
    """Check the pretraining images in one folder per class."""
    input:
        scenes=ancient(per_job(PLAN.images.scenes, layout="ImageFolder")),
        digest=per_job(PLAN.images.scenes_digest, layout="ImageFolder"),
    output:
        manifest="<artifacts>/image_folder.parquet",
        problems="<artifacts>/image_folder_problems.csv",
    log:
        "<logs>/prepare_image_folder.log",
    benchmark:
        "<logs>/prepare_image_folder.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=memory(2000),
    params:
        root=per_job(PLAN.images.image_folder),
        contents=contents("prepare_image_folder"),
        code=code_hash("sppnet.commands.prepare_image_folder"),
    shell:
        "sppnet prepare-image-folder --root {params.root:q} --workers {threads}"
        " --manifest {output.manifest:q} --problems {output.problems:q} > {log:q} 2>&1"


rule prepare_imagenet:
    """Check ImageNet 2012, in its archives or in extracted folders."""
    input:
        scenes=ancient(per_job(PLAN.images.scenes, layout="ILSVRC2012")),
        digest=per_job(PLAN.images.scenes_digest, layout="ILSVRC2012"),
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
        mem_mb=memory(4000),
    params:
        root=per_job(PLAN.images.imagenet),
        contents=contents("prepare_imagenet"),
        code=code_hash("sppnet.commands.prepare_imagenet"),
    shell:
        "sppnet prepare-imagenet --root {params.root:q} --workers {threads} --work work/prepare_imagenet"
        " --manifest {output.manifest:q} --problems {output.problems:q} > {log:q} 2>&1"


rule store_images:
    """Resize the images of a split once and store them in a few large files."""
    input:
        manifest=PLAN.images.classification,
    output:
        store=directory("<artifacts>/store/{part}"),
        digest="<artifacts>/store/{part}.json",
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
        mem_mb=memory(4000),
    params:
        settings=per_job(PLAN.images.store),
        code=code_hash("sppnet.commands.store_images"),
    shell:
        "sppnet store-images --manifest {input.manifest:q} --dataset classification"
        " --split {wildcards.part} {params.settings} --workers {threads}"
        " --work work/store_images/{wildcards.part} --output {output.store:q}"
        " --digest {output.digest:q} > {log:q} 2>&1"


rule propose:
    """Propose boxes for every image of a split; early, because the job takes all cores."""
    input:
        manifest="<artifacts>/voc.parquet",
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
        mem_mb=memory(4000),
    params:
        settings=per_job(PLAN.images.proposals),
        code=code_hash("sppnet.commands.propose"),
    shell:
        "sppnet propose --manifest {input.manifest:q} --split {wildcards.split}"
        " {params.settings} --workers {threads} --work work/propose/{wildcards.split}"
        " --output {output.proposals:q} --recall {output.recall:q} > {log:q} 2>&1"
