"""Linear SVMs on features of whole images: VOC 2007 and Caltech-101.

Needs: voc.parquet, the folder of Caltech-101, networks.
Gives: transfer/{table}/{column}.json with the outcome of every image, table6, table7, table8.
"""


wildcard_constraints:
    column=one_of(PLAN.transfer.names),


rule prepare_caltech101:
    """Check Caltech-101."""
    input:
        scenes=ancient(per_job(PLAN.images.scenes, layout="caltech101")),
        digest=per_job(PLAN.images.scenes_digest, layout="caltech101"),
    output:
        manifest="<artifacts>/caltech101.parquet",
        problems="<artifacts>/caltech101_problems.csv",
    log:
        "<logs>/prepare_caltech101.log",
    benchmark:
        "<logs>/prepare_caltech101.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=1000,
    params:
        root=per_job(PLAN.transfer.caltech_root),
        settings=per_job(PLAN.transfer.category_images),
        contents=contents("prepare_caltech101"),
        code=code_hash("sppnet.commands.prepare_caltech101"),
    shell:
        "sppnet prepare-caltech101 --root {params.root:q} {params.settings} --workers {threads}"
        " --manifest {output.manifest:q} --problems {output.problems:q} > {log:q} 2>&1"


rule cache_image_features:
    """Compute the features of whole images at every layer of a network."""
    input:
        manifest=per_job(PLAN.transfer.manifest),
        weights="<artifacts>/networks/{network}.safetensors",
    output:
        features="<artifacts>/image_features/{network}/{view}/{split}.npy",
        index="<artifacts>/image_features/{network}/{view}/{split}.parquet",
        about="<artifacts>/image_features/{network}/{view}/{split}.json",
    log:
        "<logs>/cache_image_features/{network}.{view}.{split}.log",
    benchmark:
        "<logs>/cache_image_features/{network}.{view}.{split}.tsv"
    wildcard_constraints:
        view=one_of(PLAN.transfer.views),
        split="trainval|test|all",
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
    params:
        dataset=per_job(PLAN.transfer.dataset),
        settings=per_job(PLAN.transfer.view),
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.cache_image_features"),
    shell:
        "sppnet cache-image-features --manifest {input.manifest:q} --weights {input.weights:q}"
        " --dataset {params.dataset} --split {wildcards.split} {params.settings}"
        " {params.inference} --threads {threads}"
        " --work work/cache_image_features/{wildcards.network}.{wildcards.view}.{wildcards.split}"
        " --output {output.features:q} > {log:q} 2>&1"


rule transfer:
    """Train linear SVMs on every layer, and test them."""
    input:
        manifest=per_job(PLAN.transfer.table_manifest),
        features=per_job(PLAN.transfer.features),
        test_features=per_job(PLAN.transfer.test_features),
    output:
        result="<artifacts>/transfer/{table}/{column}.json",
        outcomes="<artifacts>/transfer/{table}/{column}.parquet",
    log:
        "<logs>/transfer/{table}.{column}.log",
    benchmark:
        "<logs>/transfer/{table}.{column}.tsv"
    wildcard_constraints:
        table="table6|table7",
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
    params:
        features=per_job(PLAN.transfer.cached),
        settings=per_job(PLAN.transfer.protocol),
        code=code_hash("sppnet.commands.transfer"),
    shell:
        "sppnet transfer --manifest {input.manifest:q} {params.features} {params.settings}"
        " --threads {threads}"
        " --output {output.result:q} --outcomes {output.outcomes:q} > {log:q} 2>&1"


rule tabulate_transfer:
    """Lay out Tables 6, 7 and 8."""
    input:
        results=per_job(PLAN.transfer.results),
        reference=REFERENCE,
    output:
        table="<results>/{table}.csv",
        cells="<results>/{table}.json",
    log:
        "<logs>/tabulate_transfer/{table}.log",
    benchmark:
        "<logs>/tabulate_transfer/{table}.tsv"
    wildcard_constraints:
        table="table[678]",
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        columns=requested(PLAN.transfer.table),
        code=code_hash("sppnet.commands.tabulate_transfer"),
    shell:
        "sppnet tabulate-transfer --columns {params.columns:q} --reference {input.reference:q}"
        " --csv {output.table:q} --json {output.cells:q} > {log:q} 2>&1"
