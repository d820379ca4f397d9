"""Tables as laid out in the paper, and figures.

Needs: detectors/{detector}/{evaluation.json,detections.parquet}, timing.json.
Gives: table9.csv with its JSON metadata, figures/detections.png.
"""


rule tabulate_detection:
    """Lay out Table 9: mean average precision by layer, and seconds per image."""
    input:
        evaluations=PLAN.detection.column_files("evaluation.json"),
        timing="<artifacts>/timing.json",
        reference=REFERENCE,
    output:
        table="<results>/table9.csv",
        cells="<results>/table9.json",
    log:
        "<logs>/tabulate_detection.log",
    benchmark:
        "<logs>/tabulate_detection.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        columns=requested(PLAN.detection.table_columns),
        settings=per_job(PLAN.detection.table),
        code=code_hash("sppnet.commands.tabulate_detection"),
    shell:
        "sppnet tabulate-detection --columns {params.columns:q} --timing {input.timing:q}"
        " {params.settings} --reference {input.reference:q} --csv {output.table:q} --json {output.cells:q}"
        " > {log:q} 2>&1"


rule draw_detections:
    """Draw the detections of a detector on test photographs."""
    input:
        manifest="<artifacts>/voc.parquet",
        detections=PLAN.detection.drawn_detections(),
    output:
        "<results>/figures/detections.png",
    log:
        "<logs>/draw_detections.log",
    benchmark:
        "<logs>/draw_detections.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        settings=per_job(PLAN.detection.page),
        code=code_hash("sppnet.commands.draw_detections"),
    shell:
        "sppnet draw-detections --manifest {input.manifest:q} --detections {input.detections:q}"
        " {params.settings} --output {output:q} > {log:q} 2>&1"
