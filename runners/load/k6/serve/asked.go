package serve

import "net/http"

// accept reads what a request asks for and checks it; where it is not right, the request is refused and the second is false.
func accept[T interface{ Validate() error }](w http.ResponseWriter, r *http.Request) (T, bool) {
	var asked T
	err := decode(w, r, &asked)
	if err == nil {
		err = asked.Validate()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
	}
	return asked, err == nil
}
