package runner_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
)

// rich is a world with a bot of two pairs that was killed with a position and orders in
// both.
func rich(t *testing.T) (w *paced, had journal.Summary) {
	t.Helper()
	w = newPaced(t)
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 12)
	w.await("the commit", func() bool { return w.point("a").Engine.Sequence == 10 })
	w.kill(r)
	had = w.summary("a")
	if p := had.Positions[1]; p.OpenOrders == 0 || p.Position.IsZero() {
		t.Fatalf("the run proves little: %+v", p)
	}
	return w, had
}

// anew starts the bot's next run with other further pairs, and fails the test unless it
// begins a new account, the orders of the run before are over, and the log says why, and
// what the account before had. It returns what it orders and trades from then on.
func (w *paced) anew(had journal.Summary, why string, also ...string) (orders []journal.Order, fills []journal.Fill) {
	t := w.t
	t.Helper()
	before, traded := w.done()
	lines, told := len(w.lines["a"]), len(w.statuses["a"])
	w.change(func() {
		w.bots[0].Bot.Run++
		w.bots[0].Bot.Also, w.bots[0].Config.Also = also, also
	})
	r := w.start()
	w.await("the start", func() bool {
		return w.latest["a"].Checkpoint.Run == 2 || slices.Contains(w.statuses["a"][told:], bot.Failed)
	})
	w.run("a", 14, 24)
	r.Stop()
	orders, fills = w.done()
	left := 0
	for i, o := range orders[:len(before)] {
		if want := before[i]; !want.State.Final() {
			left++
			want.State, want.Reason, want.UpdatedAt = journal.Cancelled, o.Reason, o.UpdatedAt
			if o != want || !strings.Contains(o.Reason, why) {
				t.Errorf("order %+v, want %+v because %s", o, want, why)
			}
		}
	}
	if int64(left) != had.OpenOrders {
		t.Errorf("%d orders were left, want %d", left, had.OpenOrders)
	}
	var text string
	for _, l := range w.lines["a"][lines:] {
		if l.Kind == "started" {
			text += l.Text + "\n"
		}
	}
	for _, part := range []string{had.Positions[1].Position.String() + " in ETHMYR", had.Positions[0].Position.String() + " in XBTMYR", "a new account begins: " + why, "with 10,000 MYR"} {
		if !strings.Contains(text, part) {
			t.Errorf("its log does not say %q: %s", part, text)
		}
	}
	return orders[len(before):], fills[len(traded):]
}

// A bot whose orders lie in a pair that there is no market of any more begins anew without
// it.
func TestAPairThatIsGone(t *testing.T) {
	t.Parallel()
	w, had := rich(t)
	w.change(func() { w.gone = map[string]bool{demo.ETHMYR: true} })
	orders, fills := w.anew(had, "there is no market ETHMYR any more")
	if n, m := heldIn(demo.XBTMYR, orders, fills); n == 0 || m == 0 || n+m < len(orders)+len(fills) {
		t.Errorf("in its own pair there are %d orders and %d fills of %d and %d", n, m, len(orders), len(fills))
	}
}

// proves N1, T3: numbers of an account that was counted in other ticks are not taken for
// numbers of the present ones, in whichever pair: the bot fails and says so, and begins a
// new account at its next start.
func TestAPairWithOtherTicks(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{demo.XBTMYR, demo.ETHMYR} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			w, had := rich(t)
			bots := slices.Clone(w.bots)
			w.change(func() { w.finer = map[string]bool{pair: true} })
			r := w.start()
			w.awaitState("a", bot.Failed, "the bot cannot go on with its account: "+pair+" has other smallest steps of price and volume, ")
			r.Stop()
			if now := w.summary("a"); !reflect.DeepEqual(now, had) {
				t.Errorf("the account is %+v, was %+v", now, had)
			}
			w.change(func() { w.bots = bots })
			if orders, _ := w.anew(had, pair+" has other smallest steps", demo.ETHMYR); len(orders) == 0 {
				t.Error("it orders nothing")
			}
		})
	}
}
