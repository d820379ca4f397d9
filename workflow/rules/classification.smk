"""Tests of networks on many views, and the tables of classification errors.

Needs: a manifest, networks, views_timing.json.
Gives: views/{network}/{view_set}.{safetensors,json}, table1 to table5, ablations, two figures.
"""


rule tabulate_architectures:
    """Table 1, read off the layers of the backbones."""
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
        settings=table1_settings,
        code=code_hash("sppnet.commands.tabulate_architectures"),
    shell:
        "sppnet tabulate-architectures {params.settings} --csv {output.table:q}"
        " --json {output.cells:q} > {log:q} 2>&1"


rule classify:
    """Score the validation images on a view set."""
    input:
        manifest=CLASSIFICATION,
        weights="<artifacts>/networks/{network}.safetensors",
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
        mem_mb=2000,
    params:
        settings=view_set_settings,
        code=code_hash("sppnet.commands.classify"),
    shell:
        "sppnet classify --manifest {input.manifest:q} --weights {input.weights:q}"
        " --view-set {wildcards.view_set} {params.settings} --threads {threads}"
        " --work work/classify/{wildcards.network}.{wildcards.view_set}"
        " --scores {output.scores:q} --metrics {output.metrics:q} > {log:q} 2>&1"


rule combine_scores:
    """Average the scores of several networks."""
    input:
        combined_scores,
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
        settings=lambda wildcards, input: flags({"scores": list(input)}),
        code=code_hash("sppnet.commands.combine_scores"),
    shell:
        "sppnet combine-scores {params.settings} --output {output.scores:q}"
        " --metrics {output.metrics:q} > {log:q} 2>&1"


rule tabulate_errors:
    """Tables 2 to 5 and the ablations."""
    input:
        scores=error_scores,
        reference=REFERENCE,
    output:
        table="<results>/{errors}.csv",
        cells="<results>/{errors}.json",
    log:
        "<logs>/tabulate_errors/{errors}.log",
    benchmark:
        "<logs>/tabulate_errors/{errors}.tsv"
    wildcard_constraints:
        errors="table[2345]|ablations",
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        settings=error_settings,
        code=code_hash("sppnet.commands.tabulate_errors"),
    shell:
        "sppnet tabulate-errors {params.settings} --reference {input.reference:q}"
        " --csv {output.table:q} --json {output.cells:q} > {log:q} 2>&1"


rule draw_curves:
    """Learning curves of a backbone in every training variant of Table 2."""
    input:
        curve_files,
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
        settings=curve_settings,
        code=code_hash("sppnet.commands.draw_curves"),
    shell:
        "sppnet draw-curves {params.settings} --png {output.png:q} --svg {output.svg:q}"
        " > {log:q} 2>&1"


rule draw_error_by_views:
    """Error against the number of views and their time."""
    input:
        files=error_by_views_files,
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
        settings=error_by_views_settings,
        code=code_hash("sppnet.commands.draw_error_by_views"),
    shell:
        "sppnet draw-error-by-views {params.settings} --timing {input.timing:q}"
        " --png {output.png:q} --svg {output.svg:q} > {log:q} 2>&1"


rule draw_view_positions:
    """Where the 96 views of Table 4 lie on an image and on its feature maps."""
    input:
        manifest=CLASSIFICATION,
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
        settings=view_positions_settings,
        code=code_hash("sppnet.commands.draw_view_positions"),
    shell:
        "sppnet draw-view-positions --manifest {input.manifest:q} {params.settings}"
        " --output {output:q} > {log:q} 2>&1"


rule draw_responses:
    """Images on which filters of the last convolution respond most."""
    input:
        manifest=responses_manifest,
        weights=responses_weights,
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
        mem_mb=2000,
    params:
        settings=responses_settings,
        code=code_hash("sppnet.commands.draw_responses"),
    shell:
        "sppnet draw-responses --manifest {input.manifest:q} --weights {input.weights:q}"
        " {params.settings} --threads {threads} --output {output:q} > {log:q} 2>&1"
