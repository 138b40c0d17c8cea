package runner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
)

// A bot whose orders lie in a pair that there is no market of any more begins anew without
// it: the orders are over, and its log says what the account before had.
func TestAPairThatIsGone(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 12)
	w.await("the commit", func() bool { return w.point("a").Engine.Sequence == 10 })
	w.kill(r)
	before := w.summary("a")
	if p := before.Positions[1]; p.OpenOrders == 0 || p.Position.IsZero() {
		t.Fatalf("the run proves little: %+v", p)
	}
	orders, fills := w.done()
	lines := len(w.lines["a"])
	w.change(func() {
		w.gone = map[string]bool{demo.ETHMYR: true}
		w.bots[0].Bot.Run++
		w.bots[0].Bot.Also, w.bots[0].Config.Also = nil, nil
	})
	r = w.start()
	w.await("the start", func() bool {
		list := w.statuses["a"]
		return w.latest["a"].Checkpoint.Run == 2 || list[len(list)-1] == bot.Failed
	})
	w.run("a", 14, 24)
	r.Stop()
	gotOrders, gotFills := w.done()
	left := 0
	for i, o := range gotOrders[:len(orders)] {
		switch {
		case !o.State.Final():
			t.Errorf("order %d of the run before is %s", o.Number, o.State)
		case o.Pair == demo.ETHMYR && !orders[i].State.Final():
			left++
			want := orders[i]
			want.State, want.Reason, want.UpdatedAt = journal.Cancelled, o.Reason, o.UpdatedAt
			if o != want || !strings.Contains(o.Reason, "no market ETHMYR") {
				t.Errorf("order %+v, want %+v", o, want)
			}
		}
	}
	if int64(left) != before.Positions[1].OpenOrders {
		t.Errorf("%d orders were left in the pair that is gone, want %d", left, before.Positions[1].OpenOrders)
	}
	if n, m := heldIn(demo.XBTMYR, gotOrders[len(orders):], gotFills[len(fills):]); n == 0 || m == 0 {
		t.Errorf("in its own pair there are %d orders and %d fills", n, m)
	}
	var told string
	for _, l := range w.lines["a"][lines:] {
		if l.Kind == "started" {
			told += l.Text + "\n"
		}
	}
	for _, part := range []string{before.Positions[1].Position.String() + " in ETHMYR", before.Positions[0].Position.String() + " in XBTMYR", "there is no market ETHMYR any more"} {
		if !strings.Contains(told, part) {
			t.Errorf("its log does not say %q: %s", part, told)
		}
	}
}
