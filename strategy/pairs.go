package strategy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// PairTrader is a strategy that can trade several pairs with one balance. Which
// ones is said where the bot is made, not by the strategy. It hears the candles of
// the further pairs as a PairHandler: right before the bot's own candle that closes
// at the same time, in their order. It reaches them by Bot.Pair and Bot.Pairs.
type PairTrader interface {
	PairHandler
	// TradePairs is asked once, when the bot is opened, and before a state is
	// restored; not where parameters alone are checked, without a market. Also are the further pairs, none for a bot that trades its own
	// pair only; the error says why the strategy cannot trade them, as
	// param.Errors if parameters are what is wrong.
	TradePairs(own exchange.Market, also []exchange.Market) error
}

// CheckPairs names what is wrong with the further pairs of a bot: there are too
// many, one is there twice, or one is paid in another currency.
func CheckPairs(own exchange.Market, also []exchange.Market) error {
	if len(also) > MaxPairs {
		return fmt.Errorf("%d further pairs are asked for, and %d are allowed", len(also), MaxPairs)
	}
	problems := make([]error, 0, len(also))
	for i, m := range also {
		switch {
		case m.Pair == own.Pair:
			problems = append(problems, fmt.Errorf("%s is the bot's own pair: choose another beside it", m.Pair))
		case slices.ContainsFunc(also[:i], func(o exchange.Market) bool { return o.Pair == m.Pair }):
			problems = append(problems, fmt.Errorf("the pair %s is asked for twice", m.Pair))
		case m.Base == own.Base || slices.ContainsFunc(also[:i], func(o exchange.Market) bool { return o.Base == m.Base }):
			problems = append(problems, fmt.Errorf("%s is traded in two pairs: one account tells its positions apart by currency", m.Base))
		case m.Counter != own.Counter:
			problems = append(problems, fmt.Errorf("%s is paid in %s and %s in %s: one balance needs one currency", m.Pair, m.Counter, own.Pair, own.Counter))
		case m.Base == own.Counter:
			problems = append(problems, fmt.Errorf("%s buys the currency that the balance is in", m.Pair))
		default:
			problems = append(problems, m.Validate())
		}
	}
	return errors.Join(problems...)
}

// trade opens the further pairs.
func (i *Instance) trade(in OpenInput) error {
	name := i.def.info.Name
	trader, ok := i.strategy.(PairTrader)
	if !ok {
		if len(in.Also) > 0 {
			return fmt.Errorf("strategy %s trades one pair, and %d are asked for", name, 1+len(in.Also))
		}
		return nil
	}
	if err := CheckPairs(in.Market, in.Also); err != nil {
		return fmt.Errorf("the pairs of strategy %s: %w", name, err)
	}
	for _, m := range in.Also {
		if slices.Contains(i.sees.Pairs, m.Pair) {
			return fmt.Errorf("what strategy %s subscribes to: it trades %s and hears of it anyway", name, m.Pair)
		}
	}
	if len(in.Also) > 0 {
		_, per, err := exchange.SharedUnit(append([]exchange.Market{in.Market}, in.Also...)...)
		if err != nil {
			return fmt.Errorf("the pairs of strategy %s: %w", name, err)
		}
		b := &i.bot
		b.per = per[0]
		for n, m := range in.Also {
			b.others = append(b.others, &Bot{market: m, interval: b.interval, explain: b.explain, main: b, pair: m.Pair, per: per[n+1]})
		}
	}
	if in.Market.Pair == "" {
		return nil // only the parameters are being checked, and no pairs are known
	}
	return trader.TradePairs(in.Market, in.Also)
}

// show gives each further pair its part of the account.
func (b *Bot) show(v *View) {
	for n, o := range b.others {
		o.now = b.now
		if n < len(v.Others) {
			o.view = &v.Others[n]
		} else {
			o.view = &View{} // of which the host tells nothing
		}
	}
}

// Pairs returns the bot in each pair that it trades, its own first; the slice is a
// new one.
func (b *Bot) Pairs() []*Bot {
	m := b.recorder()
	return append([]*Bot{m}, m.others...)
}

// Pair returns the bot in a pair that it trades, nil if it does not trade it.
func (b *Bot) Pair(pair string) *Bot {
	m := b.recorder()
	if m.market.Pair == pair {
		return m
	}
	for _, o := range m.others {
		if o.market.Pair == pair {
			return o
		}
	}
	return nil
}

// Convert returns an amount in units of this pair's market as one in units of
// another's that the bot trades, rounded towards zero; false if that does not fit.
func (b *Bot) Convert(amount exchange.Units, to *Bot) (exchange.Units, bool) {
	if b.per == to.per {
		return amount, true
	}
	n, err := exchange.MulDiv(int64(amount), b.per, to.per)
	return exchange.Units(n), err == nil
}
