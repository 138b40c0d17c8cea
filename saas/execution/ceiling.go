package execution

import (
	"errors"

	"github.com/lunobot/lunobot/saas/errs"
)

// overCeiling is why the journal has left an intent out because it would exceed what all live
// bots of the tenant may have at stake together, or lose in a day; "" if an error is another
// one. That is decided in the transaction that would commit the intent, whoever else commits
// one at the same time.
func overCeiling(err error) string {
	var e *errs.Error
	if errors.As(err, &e) && e.Code == "over_ceiling" {
		return e.Message
	}
	return ""
}
