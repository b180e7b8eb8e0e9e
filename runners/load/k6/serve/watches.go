package serve

import (
	"net/http"

	"datapath-lab/runners/k6/watch"
)

func runWatch(w http.ResponseWriter, r *http.Request) {
	asked, ok := accept[watch.Watch](w, r)
	if !ok {
		return
	}
	send := lines(w)
	watch.Run(r.Context(), asked, func(change watch.Change) { send(change) })
}
