package main

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// fundsFlags say what a run begins with.
type fundsFlags struct {
	Balance string   `default:"10000" placeholder:"AMOUNT" help:"Cash to begin with, in the counter currency. Default: ${default}."`
	Holding []string `sep:"none" placeholder:"[PAIR=]AMOUNT" help:"What is held of the base currency to begin with, valued at the first candle's open; with a pair's name that of a further pair, repeated for others. A walk-forward begins each window with it. Default: nothing."`
}

// into sets what a run begins with, whose pairs are known, and returns what is wrong
// with the flags.
func (f fundsFlags) into(cfg *backtest.Config) (problems []string) {
	balance, err := decimal.NewFromString(f.Balance)
	if err == nil {
		cfg.Balance, err = cfg.Market.Units(balance, exchange.Down)
	}
	if err != nil || cfg.Balance < 0 || cfg.Balance == 0 && len(f.Holding) == 0 {
		problems = append(problems, "--balance "+f.Balance+" must be an amount above 0 that fits the market's tick and step; with --holding it may be 0")
	}
	return append(problems, eachPair(cfg, "--holding", f.Holding, func(leg int) *exchange.Steps {
		if leg == 0 {
			return &cfg.Base
		}
		return &cfg.Pairs[leg-1].Base
	})...)
}

// eachPair reads amounts of base currencies, each with the name of a pair of the run
// or without that of its own one, and returns what is wrong with them.
func eachPair(cfg *backtest.Config, flag string, texts []string, of func(leg int) *exchange.Steps) (problems []string) {
	markets, given := cfg.Markets(), map[int]bool{}
	for _, text := range texts {
		leg, amount := 0, text
		if pair, rest, named := strings.Cut(text, "="); named {
			leg, amount = -1, rest
			for i, m := range markets {
				if strings.EqualFold(pair, m.Pair) || strings.EqualFold(pair, m.Base+"/"+m.Counter) {
					leg = i
				}
			}
		}
		if leg < 0 {
			problems = append(problems, flag+" "+text+": the run does not trade that pair; it trades "+names(markets))
			continue
		}
		m, to := markets[leg], of(leg)
		d, err := decimal.NewFromString(amount)
		if err == nil {
			*to, err = m.Steps(d, exchange.Exact)
		}
		switch {
		case given[leg]:
			problems = append(problems, flag+" is given twice for "+m.Pair)
		case err != nil || *to <= 0:
			problems = append(problems, flag+" "+text+" must be an amount above 0 in steps of "+m.Step.String()+" "+m.Base)
		}
		given[leg] = true
	}
	return problems
}

// names lists the pairs of markets.
func names(markets []exchange.Market) string {
	out := make([]string, len(markets))
	for i, m := range markets {
		out[i] = m.Pair
	}
	return strings.Join(out, ", ")
}
