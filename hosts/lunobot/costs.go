package main

import (
	"errors"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// costFlags say what trading costs in a simulation. Package paper has the models.
type costFlags struct {
	MakerFee string        `default:"0.001" placeholder:"RATE" help:"Fee of resting orders, as a fraction. Default: ${default}."`
	TakerFee string        `default:"0.001" placeholder:"RATE" help:"Fee of orders that trade at once, as a fraction. Default: ${default}."`
	FeeTier  []string      `sep:"none" placeholder:"VOLUME=MAKER,TAKER" help:"Fees from a value on that was traded in the 30 days before the present one, in the counter currency; repeat it for others."`
	Slippage string        `default:"0" placeholder:"RATE" help:"By how much orders that take from the book trade worse, as a fraction. Default: ${default}."`
	Spread   string        `default:"0" placeholder:"RATE" help:"Distance of bid and ask, as a fraction; orders that take from the book pay half. Default: ${default}."`
	Reach    string        `name:"range-share" default:"0" placeholder:"RATE" help:"Share of the candle's range by which orders that take from the book trade worse. Default: ${default}."`
	Impact   string        `default:"0" placeholder:"RATE" help:"By how much an order of a candle's whole volume moves the price, as a fraction; smaller ones move it by the square of their share. Default: ${default}."`
	MaxShare string        `default:"0" placeholder:"RATE" help:"Share of a candle's volume that an order may take; 0 is all. Default: ${default}."`
	Latency  time.Duration `default:"0s" placeholder:"TIME" help:"How long an order takes to the exchange. Default: ${default}."`
}

// into sets the costs of a run and returns what is wrong with them.
func (f costFlags) into(cfg *backtest.Config) (problems []string) {
	for _, r := range []struct {
		flag, text string
		to         *exchange.Rate
	}{
		{"--maker-fee", f.MakerFee, &cfg.Fees.Maker}, {"--taker-fee", f.TakerFee, &cfg.Fees.Taker}, {"--slippage", f.Slippage, &cfg.Slippage},
		{"--spread", f.Spread, &cfg.Spread}, {"--range-share", f.Reach, &cfg.Range}, {"--impact", f.Impact, &cfg.Impact}, {"--max-share", f.MaxShare, &cfg.MaxShare},
	} {
		rate, err := exchange.ParseRate(r.text)
		if err != nil {
			problems = append(problems, r.flag+" "+r.text+" must be a fraction from 0 to below 1 with at most 8 decimals, such as 0.001")
		}
		*r.to = rate
	}
	for _, text := range f.FeeTier {
		tier, err := readTier(cfg.Market, text)
		switch n := len(cfg.Tiers); {
		case err != nil:
			problems = append(problems, "--fee-tier "+text+" must be a value above 0 and two fractions, such as 100000=0.001,0.0015")
		case n > 0 && tier.Volume <= cfg.Tiers[n-1].Volume:
			problems = append(problems, "--fee-tier "+text+" must come after those of smaller values")
		default:
			cfg.Tiers = append(cfg.Tiers, tier)
		}
	}
	if cfg.Latency = f.Latency; f.Latency < 0 {
		problems = append(problems, "--latency "+f.Latency.String()+" must be at least 0")
	}
	return problems
}

// readTier reads the fees from a traded value on.
func readTier(m exchange.Market, text string) (tier paper.Tier, err error) {
	value, rates, _ := strings.Cut(text, "=")
	maker, taker, _ := strings.Cut(rates, ",")
	amount, err := decimal.NewFromString(value)
	if err != nil {
		return tier, err
	}
	var errMaker, errTaker error
	tier.Volume, err = m.Units(amount, exchange.Up)
	tier.Fees.Maker, errMaker = exchange.ParseRate(maker)
	tier.Fees.Taker, errTaker = exchange.ParseRate(taker)
	if tier.Volume <= 0 {
		err = errors.New("the value is not above 0")
	}
	return tier, errors.Join(err, errMaker, errTaker)
}
