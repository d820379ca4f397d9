"""The claims of the paper, each with the measured effect and a verdict.

Needs: scores, results of transfer, evaluations and times of detectors, views and training.
Gives: claims.csv with its JSON metadata.
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
