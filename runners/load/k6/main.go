// Command k6 is k6 with the lab's extension in it, as xk6 would build it, and one more command: `k6 serve` runs the load
// generator's service.
package main

import (
	"os"

	"go.k6.io/k6/v2/cmd"

	_ "datapath-lab/runners/k6/lab"
	"datapath-lab/runners/k6/serve"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		os.Exit(serve.Main(os.Args[2:]))
	}
	cmd.Execute()
}
