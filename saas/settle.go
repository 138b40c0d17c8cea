package saas

import (
	"context"
	"fmt"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// CodeMarketSettled is the code of the Invalid error of a start at another market than
// that of the bots that there are.
const CodeMarketSettled = "market_settled"

const (
	// marketSetting is the name under which it is kept where bots trade.
	marketSetting = "market"
	// demoName is what is kept there of the demo market.
	demoName = "demo"
)

// settle holds an installation to its market: the accounts, orders and curves of its
// bots are of that one's prices and clock. It changes as long as there are no bots;
// then another market is an Invalid error, CodeMarketSettled.
func settle(ctx context.Context, store *saasdb.Store, live *LiveMarket) error {
	want := demoName
	if live != nil {
		want = live.Name
	}
	first := want
	if _, demo, err := store.Setting(ctx, anchorSetting); err != nil {
		return err
	} else if demo { // it may be from before other markets were there
		first = demoName
	}
	known, err := store.EnsureSetting(ctx, marketSetting, first)
	if err != nil || known == want {
		return err
	}
	pairs, err := store.BotPairs(ctx)
	if err != nil {
		return err
	}
	if len(pairs) > 0 {
		return errs.New(errs.Invalid, CodeMarketSettled,
			"the bots of this database trade in the market %q and cannot go on in %q (LUNOBOT_MARKET, LUNOBOT_LUNO_ADDRESS): delete them, or use another data folder (LUNOBOT_DATA_DIR) and database (DATABASE_URL)",
			known, want)
	}
	if err := store.ForgetMarket(ctx); err != nil {
		return fmt.Errorf("leaving the market %s: %w", known, err)
	}
	swapped, err := store.SwapSetting(ctx, marketSetting, known, want)
	if err == nil && !swapped {
		return settle(ctx, store, live) // another process has changed it at the same time
	}
	return err
}
