package api

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/ratelimit"
	"github.com/lunobot/lunobot/tenancy"
)

// limitHooks slows down who sends to webhooks too often, before a byte of the body
// is read or anything is looked up. There are two rates: that of one webhook from
// one network, and that of the network whatever it sends to, for addresses cost
// nothing to make up (rules R3, R6, R8). The first is told apart by network so that
// a stranger who knows an address does not keep its own sender away; the second is
// wide, because services that send alerts do so for many tenants from a few
// networks. What a webhook takes in the end is bounded by package hook.
func (a *API) limitHooks(next http.Handler) http.Handler {
	policy := fmt.Sprintf(`"webhook";q=%d;w=%d, "sender";q=%d;w=%d`, a.cfg.HookRate.Burst, whole(a.cfg.HookRate.Window()),
		a.cfg.SenderRate.Burst, whole(a.cfg.SenderRate.Window()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := strings.CutPrefix(r.URL.Path, hook.Prefix)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if !isID(id) {
			id = "" // none of ours, and perhaps a long text
		}
		network := tenancy.Network(requestOf(r.Context()).ip)
		v := a.senders.Admit(id+" "+network, network)
		w.Header().Set("RateLimit-Policy", policy)
		w.Header().Set("RateLimit", fmt.Sprintf(`"webhook";r=%d;t=%d, "sender";r=%d;t=%d`, v.Left[0], whole(v.Full[0]), v.Left[1], whole(v.Full[1])))
		if v.Wait > 0 {
			a.problemOf(r.Context(), errs.New(errs.RateLimited, "too_many_messages", "too much is sent to webhooks from here; wait before the next message").
				With("retry_after", whole(v.Wait))).write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// whole is a time in seconds, rounded up.
func whole(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

func newSenders(cfg Config) (*ratelimit.Limiter, error) {
	return ratelimit.New(ratelimit.Config{Now: cfg.Now, Rates: []ratelimit.Rate{cfg.HookRate, cfg.SenderRate}})
}
