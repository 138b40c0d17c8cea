package conformance

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// further is the pair that a bot of several trades beside its own. Its units are a
// hundredth of the own market's.
func further() exchange.Market {
	m := Market()
	m.Pair, m.Base, m.Tick = "ETHMYR", "ETH", decimal.New(1, -2)
	return m
}

// checkPairs opens a bot with two pairs. A strategy that trades several runs through
// a market with them, restored after each event, and through backtests; any other
// must refuse.
func checkPairs(ctx context.Context, cfg Config) (string, error) {
	sc := waves()
	sc.also = []exchange.Market{further()}
	var says bool
	var refused error
	err := with(ctx, cfg.Start, func(s Subject) error {
		opened, err := s.Open(ctx, []strategy.OpenInput{sc.input(nil)})
		if err == nil {
			says, refused = s.Manifest().Can(plugin.Pairs), opened[0].Err
		}
		return err
	})
	switch {
	case err != nil:
		return "", err
	case says && refused != nil:
		return "", fmt.Errorf("the manifest says that it trades several pairs, and with its defaults it refuses two: %w", refused)
	case !says && refused == nil:
		return "", errors.New("it trades several pairs, and the manifest does not say so: no host would let it")
	case !says:
		return "it trades one", nil
	}
	market, err := checkMarket(ctx, cfg, sc)
	if err != nil {
		return "", err
	}
	runs, err := runBacktests(ctx, cfg, sc.also...)
	return market + "; backtests of " + runs, err
}

// otherOf returns the candle of a further pair that closes with one of the own: it
// moves against it.
func otherOf(c exchange.Candle) exchange.Candle {
	turn := func(t exchange.Ticks) exchange.Ticks { return max(1, 500_000-t) }
	return exchange.Candle{Time: c.Time, Open: turn(c.Open), High: turn(c.Low), Low: turn(c.High), Close: turn(c.Close), Volume: c.Volume}
}

func othersOf(also []exchange.Market, c exchange.Candle) []engine.PairCandle {
	out := make([]engine.PairCandle, len(also))
	for i, m := range also {
		out[i] = engine.PairCandle{Pair: m.Pair, Candle: otherOf(c)}
	}
	return out
}

// portfolio returns the account in the bot's own pair.
func (t *Trader) portfolio() portfolio.Portfolio {
	if t.Basket == nil {
		return t.Session.Portfolio()
	}
	account, _ := t.Basket.Account(t.Basket.Pair())
	return account
}
