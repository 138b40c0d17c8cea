package lunosim

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/lunobot/lunobot/exchange"
)

// refusal is an answer that is no success: Luno's code and text.
type refusal struct {
	Text string `json:"error"`
	Code string `json:"error_code"`
}

func (r *refusal) Error() string { return r.Code + ": " + r.Text }

// refuse returns a refusal of a code.
func refuse(code, format string, args ...any) error {
	return &refusal{Text: fmt.Sprintf(format, args...), Code: code}
}

// status returns the HTTP status that a code goes out with.
func (r *refusal) status() int {
	switch r.Code {
	case "ErrUnauthorised", "ErrApiKeyRevoked":
		return http.StatusUnauthorized
	case "ErrInsufficientPerms":
		return http.StatusForbidden
	case "ErrOrderNotFound", "ErrNotFound":
		return http.StatusNotFound
	case "ErrDuplicateClientOrderID":
		return http.StatusConflict
	case "ErrTooManyRequests":
		return http.StatusTooManyRequests
	case "ErrInternal":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// refusalOf turns an error of any kind into what Luno would say.
func refusalOf(err error) *refusal {
	var told *refusal
	var venue *exchange.Error
	switch {
	case errors.As(err, &told):
		return told
	case errors.As(err, &venue):
		return &refusal{Text: venue.Message, Code: venue.Code}
	}
	return &refusal{Text: "Something went wrong", Code: "ErrInternal"}
}
