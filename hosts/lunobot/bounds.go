package main

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// boundFlags are the host's bounds, as those of a bot.
type boundFlags struct {
	MaxPosition  []string `sep:"none" placeholder:"[PAIR=]AMOUNT" help:"The largest position in the base currency; with a pair's name that of a further pair, repeated for others. Buys beyond it are made smaller or denied. Default: no bound."`
	StopLoss     string   `default:"0" placeholder:"RATE" help:"Close a position that far below its average price, as a fraction; 0 is never. Default: ${default}."`
	TakeProfit   string   `default:"0" placeholder:"RATE" help:"Close a position that far above its average price, as a fraction; 0 is never. Default: ${default}."`
	TrailingStop string   `default:"0" placeholder:"RATE" help:"Close a position that far below the highest price since it was entered, as a fraction; 0 is never. Default: ${default}."`
	MaxHold      string   `placeholder:"LENGTH" help:"Close a position after that long, such as 90m, 12h or 3d. Default: never."`
	CoolDown     string   `placeholder:"LENGTH" help:"Buy nothing for that long after a stop, or another exit by the host, that lost. Default: no time."`
	MaxDailyLoss string   `default:"0" placeholder:"RATE" help:"Close all and buy nothing until the next UTC day once that share of the day's first equity is lost; 0 is no bound. Default: ${default}."`
	StopDrawdown string   `default:"0" placeholder:"RATE" help:"Close all and buy nothing any more once that share of the highest equity is lost, in a walk-forward in each window; 0 is no bound. Default: ${default}."`

	MaxOrders        int  `default:"100" placeholder:"COUNT" help:"How many orders may be open. Default: ${default}."`
	MaxOrdersAMinute int  `name:"max-orders-a-minute" default:"300" placeholder:"COUNT" help:"How many orders the strategy may place in any minute. Default: ${default}."`
	CloseOnly        bool `help:"Buy nothing: only what --holding gives is sold."`
}

// into sets the bounds of a run, whose pairs are known, and returns what is wrong
// with the flags.
func (f boundFlags) into(cfg *backtest.Config) (problems []string) {
	bounds := &cfg.Risk
	for _, b := range []struct {
		flag, text string
		to         *exchange.Rate
	}{
		{"--stop-loss", f.StopLoss, &bounds.StopLoss}, {"--trailing-stop", f.TrailingStop, &bounds.TrailingStop},
		{"--max-daily-loss", f.MaxDailyLoss, &bounds.MaxDailyLoss}, {"--stop-drawdown", f.StopDrawdown, &bounds.MaxDrawdown},
	} {
		rate, err := exchange.ParseRate(b.text)
		if err != nil {
			problems = append(problems, b.flag+" "+b.text+" must be a fraction from 0 to below 1 with at most 8 decimals, such as 0.05")
		}
		*b.to = rate
	}
	const most = 100
	profit, err := decimal.NewFromString(f.TakeProfit)
	if err != nil || profit.IsNegative() || profit.GreaterThan(decimal.NewFromInt(most)) || !profit.Equal(profit.Truncate(8)) {
		problems = append(problems, "--take-profit "+f.TakeProfit+" must be a fraction from 0 to 100 with at most 8 decimals, such as 0.1")
	} else {
		bounds.TakeProfit = exchange.Rate(profit.Shift(8).IntPart())
	}
	for _, b := range []struct {
		flag, text string
		to         *time.Duration
	}{{"--max-hold", f.MaxHold, &bounds.MaxHold}, {"--cool-down", f.CoolDown, &bounds.CoolDown}} {
		if b.text == "" {
			continue
		}
		if *b.to, err = parseLength(b.text); err != nil {
			problems = append(problems, b.flag+" "+b.text+" must be a length above 0, such as 90m, 12h or 3d")
		}
	}
	for _, b := range []struct {
		flag  string
		count int
		to    *int
	}{{"--max-orders", f.MaxOrders, &bounds.MaxOrders}, {"--max-orders-a-minute", f.MaxOrdersAMinute, &bounds.MaxOrdersAMinute}} {
		if *b.to = b.count; b.count <= 0 {
			problems = append(problems, b.flag+" must be above 0")
		}
	}
	bounds.CloseOnly = f.CloseOnly
	return append(problems, eachPair(cfg, "--max-position", f.MaxPosition, func(leg int) *exchange.Steps {
		if leg == 0 {
			return &cfg.Risk.MaxPosition
		}
		return &cfg.Pairs[leg-1].MaxPosition
	})...)
}
