"""Classification of the validation images, and the tables of classification errors.

Needs: a manifest, networks, views_timing.json.
Gives: views/{network}/{view_set}.{safetensors,json}, table1 to table5, ablations, two figures.
"""


wildcard_constraints:
    view_set="|".join(SETTINGS.view_sets or ["-"]),


rule tabulate_architectures:
    """Lay out Table 1, read off the layers of the backbones."""
    input:
        paper=relpath(ROOT / "sppnet/report/table1.csv"),
    output:
        table="<results>/table1.csv",
        cells="<results>/table1.json",
    log:
        "<logs>/tabulate_architectures.log",
    benchmark:
        "<logs>/tabulate_architectures.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        settings=per_job(PLAN.classification.table1),
        code=code_hash("sppnet.commands.tabulate_architectures"),
    shell:
        "sppnet tabulate-architectures {params.settings} --csv {output.table:q}"
        " --json {output.cells:q} > {log:q} 2>&1"


rule classify:
    """Classify the validation images, with scores averaged over a view set."""
    input:
        manifest=PLAN.images.classification,
        weights="<artifacts>/networks/{network}.safetensors",
        base=per_job(PLAN.classification.base),
    output:
        scores="<artifacts>/views/{network}/{view_set}.safetensors",
        metrics="<artifacts>/views/{network}/{view_set}.json",
    log:
        "<logs>/classify/{network}.{view_set}.log",
    benchmark:
        "<logs>/classify/{network}.{view_set}.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
    params:
        settings=per_job(PLAN.classification.scoring),
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.classify"),
    shell:
        "sppnet classify --manifest {input.manifest:q} --weights {input.weights:q}"
        " --view-set {wildcards.view_set} {params.settings} {params.inference} --threads {threads}"
        " --work work/classify/{wildcards.network}.{wildcards.view_set}"
        " --scores {output.scores:q} --metrics {output.metrics:q} > {log:q} 2>&1"


rule combine_scores:
    """Average the scores of several networks."""
    input:
        per_job(PLAN.classification.combined),
    output:
        scores="<artifacts>/views/combined.safetensors",
        metrics="<artifacts>/views/combined.json",
    log:
        "<logs>/combine_scores.log",
    benchmark:
        "<logs>/combine_scores.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code_hash("sppnet.commands.combine_scores"),
    shell:
        "sppnet combine-scores --scores {input:q} --output {output.scores:q}"
        " --metrics {output.metrics:q} > {log:q} 2>&1"


rule tabulate_errors:
    """Lay out Tables 2 to 5 and the ablations."""
    input:
        scores=per_job(PLAN.classification.table_scores),
        reference=REFERENCE,
    output:
        table="<results>/{table}.csv",
        cells="<results>/{table}.json",
    log:
        "<logs>/tabulate_errors/{table}.log",
    benchmark:
        "<logs>/tabulate_errors/{table}.tsv"
    wildcard_constraints:
        table="table[2345]|ablations",
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        cells=requested(PLAN.classification.cells),
        interval=per_job(PLAN.classification.interval),
        code=code_hash("sppnet.commands.tabulate_errors"),
    shell:
        "sppnet tabulate-errors --cells {params.cells} {params.interval}"
        " --reference {input.reference:q}"
        " --csv {output.table:q} --json {output.cells:q} > {log:q} 2>&1"


rule draw_curves:
    """Draw the learning curves of a backbone in every training variant of Table 2."""
    input:
        per_job(PLAN.classification.curve_files),
    output:
        png="<results>/figures/learning_curves_{backbone}.png",
        svg="<results>/figures/learning_curves_{backbone}.svg",
    log:
        "<logs>/draw_curves/{backbone}.log",
    benchmark:
        "<logs>/draw_curves/{backbone}.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        curves=requested(PLAN.classification.curves),
        code=code_hash("sppnet.commands.draw_curves"),
    shell:
        "sppnet draw-curves --curves {params.curves} --png {output.png:q} --svg {output.svg:q}"
        " > {log:q} 2>&1"


rule draw_error_by_views:
    """Draw the error against the number of views and their time."""
    input:
        scores=per_job(PLAN.classification.point_files),
        timing="<artifacts>/views_timing.json",
    output:
        png="<results>/figures/error_by_views.png",
        svg="<results>/figures/error_by_views.svg",
    log:
        "<logs>/draw_error_by_views.log",
    benchmark:
        "<logs>/draw_error_by_views.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        points=requested(PLAN.classification.points),
        interval=per_job(PLAN.classification.interval),
        code=code_hash("sppnet.commands.draw_error_by_views"),
    shell:
        "sppnet draw-error-by-views --points {params.points} {params.interval} --timing {input.timing:q}"
        " --png {output.png:q} --svg {output.svg:q} > {log:q} 2>&1"


rule draw_view_positions:
    """Draw the 96 views of Table 4 on an image and on its feature maps."""
    input:
        manifest=PLAN.images.classification,
    output:
        "<results>/figures/view_positions.png",
    log:
        "<logs>/draw_view_positions.log",
    benchmark:
        "<logs>/draw_view_positions.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        backbone=per_job(PLAN.classification.drawn_backbone),
        settings=per_job(PLAN.classification.drawn_views),
        code=code_hash("sppnet.commands.draw_view_positions"),
    shell:
        "sppnet draw-view-positions --manifest {input.manifest:q} --backbone {params.backbone}"
        " {params.settings} --output {output:q} > {log:q} 2>&1"


rule draw_responses:
    """Draw the images to which filters of the last convolution respond most."""
    input:
        manifest=per_job(PLAN.classification.responses_manifest),
        weights=per_job(PLAN.classification.responses_network),
    output:
        "<results>/figures/responses.png",
    log:
        "<logs>/draw_responses.log",
    benchmark:
        "<logs>/draw_responses.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
    params:
        settings=per_job(PLAN.classification.responses),
        inference=per_job(PLAN.networks.inference),
        code=code_hash("sppnet.commands.draw_responses"),
    shell:
        "sppnet draw-responses --manifest {input.manifest:q} --weights {input.weights:q}"
        " {params.settings} {params.inference} --threads {threads} --output {output:q} > {log:q} 2>&1"
