module datapath-lab/clusters/kind/pause

go 1.24.0
