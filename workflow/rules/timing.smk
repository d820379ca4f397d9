"""Seconds per image of the detectors of Table 9, measured in one process.

Needs: voc.parquet, proposals/test.parquet, networks, fine-tuned networks, SVMs.
Gives: timing.json.
"""


rule measure_speed:
    """Time the columns one after the other; it takes all cores, so that nothing else runs."""
    input:
        manifest="<artifacts>/voc.parquet",
        proposals="<artifacts>/proposals/test.parquet",
        weights=column_files(TIMED[0]),
        finetuned=column_files(TIMED[1]),
        svm=column_files(TIMED[2]),
    output:
        "<artifacts>/timing.json",
    log:
        "<logs>/measure_speed.log",
    benchmark:
        "<logs>/measure_speed.tsv"
    conda:
        "../envs/sppnet.yaml"
    threads: ALL_CORES
    resources:
        mem_mb=4000,
    params:
        settings=speed_settings,
        code=code_hash("sppnet.commands.measure_speed"),
    shell:
        "sppnet measure-speed --manifest {input.manifest:q} --proposals {input.proposals:q}"
        " {params.settings} --output {output:q} > {log:q} 2>&1"
