"""SVMs, box regression, detections and their average precision.

Needs: voc.parquet, proposals, networks, fine-tuned networks, features.
Gives: detectors/{detector}/{detections.parquet,evaluation.json}, SVMs and box regressors.
"""


rule train_svm:
    """Train one linear SVM per class and layer, with hard negative mining."""
    input:
        manifest="<artifacts>/voc.parquet",
        proposals="<artifacts>/proposals/trainval.parquet",
        weights=per_job(PLAN.detection.weights),
        finetuned="<artifacts>/detectors/{detector}/finetuned.safetensors",
        features=per_job(PLAN.detection.features, split="trainval"),
    output:
        svm="<artifacts>/detectors/{detector}/svm.safetensors",
        report="<artifacts>/detectors/{detector}/svm.json",
    log:
        "<logs>/train_svm/{detector}.log",
    benchmark:
        "<logs>/train_svm/{detector}.tsv"
    priority: 1
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(8000),
    params:
        settings=per_job(PLAN.detection.svm),
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.train_svm"),
    shell:
        "sppnet train-svm --manifest {input.manifest:q} --proposals {input.proposals:q}"
        " --weights {input.weights:q} --finetuned {input.finetuned:q} --features {input.features:q}"
        " {params.settings} {params.inference} --threads {threads}"
        " --work work/train_svm/{wildcards.detector}"
        " --output {output.svm:q} --report {output.report:q} > {log:q} 2>&1"


rule train_bbox:
    """Train one bounding-box regressor per class."""
    input:
        manifest="<artifacts>/voc.parquet",
        proposals="<artifacts>/proposals/trainval.parquet",
        weights=per_job(PLAN.detection.weights),
        finetuned="<artifacts>/detectors/{detector}/finetuned.safetensors",
        features=per_job(PLAN.detection.features, split="trainval"),
    output:
        "<artifacts>/detectors/{detector}/bbox.safetensors",
    log:
        "<logs>/train_bbox/{detector}.log",
    benchmark:
        "<logs>/train_bbox/{detector}.tsv"
    priority: 1
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(8000),
    params:
        settings=per_job(PLAN.detection.bbox),
        code=code_hash("sppnet.commands.train_bbox"),
    shell:
        "sppnet train-bbox --manifest {input.manifest:q} --proposals {input.proposals:q}"
        " --weights {input.weights:q} --finetuned {input.finetuned:q} --features {input.features:q}"
        " {params.settings} --threads {threads} --work work/train_bbox/{wildcards.detector}"
        " --output {output:q} > {log:q} 2>&1"


rule detect:
    """Score the proposals of the test images at every layer, and regress their boxes."""
    input:
        manifest="<artifacts>/voc.parquet",
        proposals="<artifacts>/proposals/test.parquet",
        weights=per_job(PLAN.detection.weights),
        finetuned="<artifacts>/detectors/{detector}/finetuned.safetensors",
        svm="<artifacts>/detectors/{detector}/svm.safetensors",
        bbox="<artifacts>/detectors/{detector}/bbox.safetensors",
        features=per_job(PLAN.detection.features, split="test"),
    output:
        "<artifacts>/detectors/{detector}/detections.parquet",
    log:
        "<logs>/detect/{detector}.log",
    benchmark:
        "<logs>/detect/{detector}.tsv"
    priority: 1
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
    params:
        settings=per_job(PLAN.detection.detection),
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.detect"),
    shell:
        "sppnet detect --manifest {input.manifest:q} --proposals {input.proposals:q}"
        " --weights {input.weights:q} --finetuned {input.finetuned:q} --svm {input.svm:q}"
        " --bbox {input.bbox:q} --features {input.features:q} {params.settings}"
        " {params.inference} --threads {threads}"
        " --work work/detect/{wildcards.detector} --output {output:q} > {log:q} 2>&1"


rule evaluate:
    """Compute average precision per class and layer, with intervals over the test images."""
    input:
        manifest="<artifacts>/voc.parquet",
        detections="<artifacts>/detectors/{detector}/detections.parquet",
    output:
        "<artifacts>/detectors/{detector}/evaluation.json",
    log:
        "<logs>/evaluate/{detector}.log",
    benchmark:
        "<logs>/evaluate/{detector}.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
    params:
        settings=per_job(PLAN.detection.evaluation),
        code=code_hash("sppnet.commands.evaluate"),
    shell:
        "sppnet evaluate --manifest {input.manifest:q} --detections {input.detections:q}"
        " {params.settings} --output {output:q} > {log:q} 2>&1"
