package serve

import (
	"net/http"
	"time"

	"datapath-lab/runners/k6/flood"
)

func runFlood(w http.ResponseWriter, r *http.Request) {
	var asked flood.Flood
	err := decode(w, r, &asked)
	if err == nil {
		err = asked.Validate()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	send := lines(w)
	at := func(event string) func() {
		return func() {
			send(struct {
				Event string  `json:"event"`
				At    float64 `json:"at"`
			}{event, float64(time.Now().UnixNano()) / 1e9})
		}
	}
	result, err := flood.Run(r.Context(), asked, at("window-begin"), at("window-end"))
	if err != nil {
		send(failure{"error", err.Error(), ""})
		return
	}
	send(struct {
		Event string `json:"event"`
		flood.Result
	}{"result", result})
}
