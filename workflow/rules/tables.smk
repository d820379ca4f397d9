"""Tables as laid out in the paper, and figures.

Needs: detectors/{detector}/{evaluation.json,detections.parquet}, timing.json.
Gives: table9.csv with its JSON metadata, figures/detections.png.
"""


rule tabulate_detection:
    """Table 9: mean average precision by layer, and seconds per image."""
    input:
        evaluations=column_files("<artifacts>/detectors/{detector}/evaluation.json"),
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
        settings=flags(column_settings()),
        evaluations=lambda wildcards, input: flags({"evaluation": input.evaluations}),
        code=code_hash("sppnet.commands.tabulate_detection"),
    shell:
        "sppnet tabulate-detection {params.settings} {params.evaluations} --timing {input.timing:q}"
        " --reference {input.reference:q} --csv {output.table:q} --json {output.cells:q}"
        " > {log:q} 2>&1"


rule draw_detections:
    """Test photographs with what the detector found in them."""
    input:
        manifest="<artifacts>/voc.parquet",
        detections=FIGURE_DETECTIONS,
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
        settings=flags(figure_settings()),
        code=code_hash("sppnet.commands.draw_detections"),
    shell:
        "sppnet draw-detections --manifest {input.manifest:q} --detections {input.detections:q}"
        " {params.settings} --output {output:q} > {log:q} 2>&1"
