"""The claims of the paper, each with the measured effect and a verdict.

Needs: scores, results of transfer, evaluations and times of detectors, views and training.
Gives: claims.csv with its JSON metadata, and a forest plot of the claims.
"""


rule tabulate_claims:
    """Compare the measured effects with the claims of the paper."""
    input:
        measured=per_job(PLAN.claims.measured),
        reference=REFERENCE,
    output:
        table="<results>/claims.csv",
        cells="<results>/claims.json",
    log:
        "<logs>/tabulate_claims.log",
    benchmark:
        "<logs>/tabulate_claims.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        comparisons=requested(PLAN.claims.comparisons),
        settings=per_job(PLAN.claims.interval),
        code=code_hash("sppnet.commands.tabulate_claims"),
    shell:
        "sppnet tabulate-claims --comparisons {params.comparisons:q} {params.settings}"
        " --reference {input.reference:q}"
        " --csv {output.table:q} --json {output.cells:q} > {log:q} 2>&1"


rule draw_claims:
    """Draw the effects of all claims beside the paper's."""
    input:
        "<results>/claims.json",
    output:
        png="<results>/figures/claims.png",
        svg="<results>/figures/claims.svg",
    log:
        "<logs>/draw_claims.log",
    benchmark:
        "<logs>/draw_claims.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code_hash("sppnet.commands.draw_claims"),
    shell:
        "sppnet draw-claims --claims {input:q} --png {output.png:q} --svg {output.svg:q}"
        " > {log:q} 2>&1"
