package serve

import (
	"net/http"

	"datapath-lab/runners/k6/watch"
)

func runWatch(w http.ResponseWriter, r *http.Request) {
	var asked watch.Watch
	err := decode(w, r, &asked)
	if err == nil {
		err = asked.Validate()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	send := lines(w)
	watch.Run(r.Context(), asked, func(change watch.Change) { send(change) })
}
