module datapath-lab/runners/workload

go 1.25.0
