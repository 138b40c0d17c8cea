package saasdb_test

import (
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// proves RK2: a kill switch also reaches live bots that stopped or failed and have orders
// that are not over, and if it flattens those that hold something; nobody else's.
func TestSwitchesReachBotsAtRest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		for name, c := range map[string]struct {
			status      bot.Status
			mode        bot.Mode
			base        string
			order       journal.OrderState
			failure     string
			plain, sold bool
		}{
			"stopped with an order":     {status: bot.Stopped, mode: bot.Live, base: "0", order: journal.Open, plain: true, sold: true},
			"failed with an order":      {status: bot.Failed, mode: bot.Live, base: "0", order: journal.Unknown, plain: true, sold: true},
			"stopped with a position":   {status: bot.Stopped, mode: bot.Live, base: "0.5", sold: true},
			"failed with a position":    {status: bot.Failed, mode: bot.Live, base: "0.5", sold: true},
			"failed and watched":        {status: bot.Failed, mode: bot.Live, base: "0.5", failure: "a bad answer", plain: true, sold: true},
			"watched on paper":          {status: bot.Failed, mode: bot.Paper, base: "0.5", failure: "a bad answer", plain: true, sold: true},
			"stopped with nothing":      {status: bot.Stopped, mode: bot.Live, base: "0"},
			"on paper with a past life": {status: bot.Stopped, mode: bot.Paper, base: "0.5", order: journal.Open},
		} {
			for _, flatten := range []bool{false, true} {
				config, b := newBot(t, s, "a")
				config.Mode = c.mode
				if _, err := s.UpdateConfig(t.Context(), "a", config); err != nil {
					t.Fatal(err)
				}
				b.Desired, b.Status, b.Failure = false, c.status, c.failure
				if err := s.UpdateBot(t.Context(), "a", b); err != nil {
					t.Fatal(err)
				}
				e := journal.LiveEntry{TenantID: "a", BotID: b.ID, Epoch: own(t, s, "a", b.ID), Books: []journal.Book{{
					BotID: b.ID, Account: "acc", Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", Base: dec(c.base), Counter: dec("5"),
				}}}
				if c.order != "" {
					e.Orders = []journal.LiveOrder{liveOrder(b.ID, 1, c.order)}
				}
				if err := commitLive(t, s, e); err != nil {
					t.Fatal(err)
				}
				h := halt.Halt{ID: b.ID, TenantID: "a", BotID: b.ID, Flatten: flatten, PulledAt: start()}
				if _, _, err := s.PutHalt(t.Context(), "a", h); err != nil {
					t.Fatal(err)
				}
				n, err := s.StopCovered(t.Context(), h, start())
				got, gerr := s.Bot(t.Context(), "a", b.ID)
				if err != nil || gerr != nil {
					t.Fatal(err, gerr)
				}
				want, ending := c.plain, bot.Halted
				if flatten {
					want, ending = c.sold, bot.Flattened
				}
				if reached := n == 1 && got.Status == bot.Stopping && got.Ending == ending && !got.Guarded(); reached != want {
					t.Errorf("%s, flatten %t: %d stopped, the bot is %s and ends %q", name, flatten, n, got.Status, got.Ending)
				}
			}
		}
	})
}
