package serve

import (
	"net/http"

	"datapath-lab/runners/k6/lab"
)

func runPace(w http.ResponseWriter, r *http.Request) {
	asked, ok := accept[lab.Pace](w, r)
	if !ok {
		return
	}
	send := lines(w)
	result, err := asked.Run(r.Context(), windowEvent(send, "window-begin"), windowEvent(send, "window-end"))
	if err != nil {
		send(failure{"error", err.Error(), ""})
		return
	}
	send(struct {
		Event string `json:"event"`
		*lab.Result
	}{"result", result})
}
