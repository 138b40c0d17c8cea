package main

import (
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// costFlags say what trading costs in a simulation. Package paper has the models.
type costFlags struct {
	MakerFee string        `default:"0.001" placeholder:"RATE" help:"Fee of resting orders, as a fraction. Default: ${default}."`
	TakerFee string        `default:"0.001" placeholder:"RATE" help:"Fee of orders that trade at once, as a fraction. Default: ${default}."`
	Slippage string        `default:"0" placeholder:"RATE" help:"By how much market orders trade worse, as a fraction. Default: ${default}."`
	Spread   string        `default:"0" placeholder:"RATE" help:"Distance of bid and ask, as a fraction; market orders pay half. Default: ${default}."`
	Reach    string        `name:"range-share" default:"0" placeholder:"RATE" help:"Share of the candle's range by which market orders trade worse. Default: ${default}."`
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
	if cfg.Latency = f.Latency; f.Latency < 0 {
		problems = append(problems, "--latency "+f.Latency.String()+" must be at least 0")
	}
	return problems
}
