package serve

import (
	"net/http"

	"datapath-lab/runners/k6/flood"
)

func runFlood(w http.ResponseWriter, r *http.Request) {
	asked, ok := accept[flood.Flood](w, r)
	if !ok {
		return
	}
	send := lines(w)
	result, err := flood.Run(r.Context(), asked, windowEvent(send, "window-begin"), windowEvent(send, "window-end"))
	if err != nil {
		send(failure{"error", err.Error(), ""})
		return
	}
	send(struct {
		Event string `json:"event"`
		flood.Result
	}{"result", result})
}
