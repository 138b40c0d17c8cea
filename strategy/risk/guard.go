package risk

import (
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Config are the bounds. The zero value has the defaults and no exits.
type Config struct {
	// MaxCommands is how many commands an event may give, and how many notes and plots
	// beside them. Defaults to 64.
	MaxCommands int `json:"max_commands"`
	// MaxOrders is how many orders may be open. Defaults to 100.
	MaxOrders int `json:"max_orders"`
	// MaxOrdersAMinute is how many orders the strategy may place in any minute of
	// the candles' time, over all pairs; what the host sells itself, such as protective
	// exits, does not count and is not bound. Defaults to 300, as many calls as Luno
	// takes of an account.
	MaxOrdersAMinute int `json:"max_orders_a_minute,omitempty"`
	// MaxPosition bounds the position; a buy beyond it is shrunk, or denied
	// when nothing is left. Defaults to 0, no bound.
	MaxPosition exchange.Steps `json:"max_position"`
	// StopLoss closes the position that far below its average price. Defaults
	// to 0, none.
	StopLoss exchange.Rate `json:"stop_loss"`
	// TakeProfit closes the position that far above its average price. Defaults
	// to 0, none. It may be above RateOne.
	TakeProfit exchange.Rate `json:"take_profit"`
	// TrailingStop closes the position that far below the highest price since it was
	// entered. The path inside a candle is not known, and the worse one counts: its
	// high raises the stop for the candles after it only. Defaults to 0, none.
	TrailingStop exchange.Rate `json:"trailing_stop,omitempty"`
	// MaxHold closes the position that long after it was entered, at the first close
	// of a candle then: it trades in the next one. Defaults to 0, none.
	MaxHold time.Duration `json:"max_hold,omitempty"`
	// CoolDown is for how long nothing is bought, in any pair, after a protective exit
	// that lost, fees included. Defaults to 0, none.
	CoolDown time.Duration `json:"cool_down,omitempty"`
	// MaxDailyLoss is the share of the equity at the beginning of the UTC day that may
	// be lost. Reached at a candle's close, orders are taken back, positions closed and
	// nothing is bought until the next UTC day. Defaults to 0, no bound.
	MaxDailyLoss exchange.Rate `json:"max_daily_loss,omitempty"`
	// MaxDrawdown is the share of the highest equity since the bot began, or was
	// resumed, that may be lost. Reached at a candle's close, orders are taken back,
	// positions closed and nothing is bought until somebody resumes the bot. Defaults
	// to 0, no bound.
	MaxDrawdown exchange.Rate `json:"max_drawdown,omitempty"`
	// CloseOnly winds the bot down: nothing is bought, sales and exits go on. Buys that
	// are open already stay; those of a session at work Session.SetCloseOnly takes back.
	CloseOnly bool `json:"close_only,omitempty"`
}

// Guard checks one bot's commands. It keeps no state and is safe for
// concurrent use.
type Guard struct {
	cfg    Config
	market exchange.Market
}

// NewGuard returns a guard; the error names every bound that makes no sense.
func NewGuard(cfg Config, market exchange.Market) (*Guard, error) {
	if cfg.MaxCommands == 0 {
		cfg.MaxCommands = 64
	}
	if cfg.MaxOrders == 0 {
		cfg.MaxOrders = 100
	}
	if cfg.MaxOrdersAMinute == 0 {
		cfg.MaxOrdersAMinute = 300
	}
	var problems []error
	check := func(ok bool, text string) {
		if !ok {
			problems = append(problems, errors.New("risk: "+text))
		}
	}
	check(cfg.MaxCommands > 0, "the number of commands must be above 0")
	check(cfg.MaxOrders > 0, "the number of orders must be above 0")
	check(cfg.MaxPosition >= 0, "the largest position must be at least 0")
	check(cfg.StopLoss >= 0 && cfg.StopLoss < exchange.RateOne, "the stop-loss must be at least 0 and below 100 %")
	check(cfg.TakeProfit >= 0 && cfg.TakeProfit <= 100*exchange.RateOne, "the take-profit must be at least 0 and at most 10,000 %")
	check(cfg.MaxOrdersAMinute > 0, "the number of orders a minute must be above 0")
	check(cfg.TrailingStop >= 0 && cfg.TrailingStop < exchange.RateOne, "the trailing stop must be at least 0 and below 100 %")
	check(cfg.MaxHold >= 0, "the longest holding must be at least 0")
	check(cfg.CoolDown >= 0, "the cool-down must be at least 0")
	check(cfg.MaxDailyLoss >= 0 && cfg.MaxDailyLoss < exchange.RateOne, "the largest daily loss must be at least 0 and below 100 %")
	check(cfg.MaxDrawdown >= 0 && cfg.MaxDrawdown < exchange.RateOne, "the largest drawdown must be at least 0 and below 100 %")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Guard{cfg: cfg, market: market}, nil
}

// Account is what the guard needs to know of the bot.
type Account struct {
	// View is the bot's account, reservations included.
	View *strategy.View
	// Price is the newest price.
	Price exchange.Ticks
	// Pending is what market buys under way will add to the position, as far as
	// it is known.
	Pending exchange.Steps
	// Elsewhere is how many orders are open in other pairs of the same bot.
	Elsewhere int
	// Returning is what the order may have beyond what the View shows as free.
	Returning Returning
	// Watch is what is remembered of the bot, and Now the time of the order, in epoch
	// milliseconds. Without a Watch its bounds do not hold: those of the host's own sales.
	Watch *Watch
	Now   int64
}

// Returning is what orders hold that are being taken back and whose place an order takes:
// it is sent when they are over.
type Returning struct {
	// Orders is how many they are.
	Orders int
	// Base is what sales of them hold, Counter what buys do.
	Base    exchange.Steps
	Counter exchange.Units
}

// MaxCommands returns how many commands an event may give, and how many notes and plots
// beside them.
func (g *Guard) MaxCommands() int { return g.cfg.MaxCommands }

// Check returns the order as it may be sent, perhaps smaller than asked for,
// or why it is denied; an empty reason means allowed.
func (g *Guard) Check(a Account, c strategy.Command) (strategy.Command, string) {
	switch {
	case c.Side != exchange.Buy && c.Side != exchange.Sell:
		return c, "the order has no side"
	case c.Type != exchange.MarketOrder && c.Type != exchange.LimitOrder:
		return c, "the order has no type"
	case c.TimeInForce > exchange.FOK:
		return c, "the order's time in force is none that exists"
	case c.Volume < 0 || c.Value < 0 || c.Price < 0:
		return c, "a volume, value or price is below 0"
	case c.Volume == 0 && (c.Value == 0 || c.Side == exchange.Sell || c.Type == exchange.LimitOrder):
		return c, "the order has no volume"
	case a.open() >= g.cfg.MaxOrders:
		return c, fmt.Sprintf("%d orders are open, which is the most", a.open())
	case c.Type == exchange.LimitOrder && a.Price > 0 && (c.Price > 100*a.Price || c.Price < a.Price/100):
		return c, fmt.Sprintf("the price %s is more than a hundredfold off the market's %s", g.market.Price(c.Price), g.market.Price(a.Price))
	}
	if a.Watch != nil {
		if denied := g.barred(a, c.Side); denied != "" {
			return c, denied
		}
	}
	if c.Side == exchange.Sell {
		free := a.View.Base - a.View.ReservedBase + a.Returning.Base
		if c.Volume > free {
			return c, fmt.Sprintf("selling %s %s needs more than the %s that are free", g.market.Volume(c.Volume), g.market.Base, g.market.Volume(free))
		}
		return c, ""
	}
	free := a.View.Counter - a.View.ReservedCounter + a.Returning.Counter
	if c.Value > free {
		return c, fmt.Sprintf("buying for %s %s needs more than the %s that are free", g.market.Amount(c.Value), g.market.Counter, g.market.Amount(free))
	}
	return g.capPosition(a, c)
}

// open is how many orders are open that are not being taken back.
func (a *Account) open() int { return len(a.View.Orders) + a.Elsewhere - a.Returning.Orders }

// capPosition shrinks a buy to what the largest position leaves.
func (g *Guard) capPosition(a Account, c strategy.Command) (strategy.Command, string) {
	if g.cfg.MaxPosition == 0 {
		return c, ""
	}
	room := g.cfg.MaxPosition - a.View.Base - a.Pending
	denied := fmt.Sprintf("the largest position of %s %s is reached", g.market.Volume(g.cfg.MaxPosition), g.market.Base)
	if room < max(1, g.market.MinVolume) {
		return c, denied
	}
	if c.Volume > 0 {
		c.Volume = min(c.Volume, room)
		return c, ""
	}
	if a.Price <= 0 {
		return c, "the market's price is not known yet"
	}
	// A buy by value becomes one by volume when the value could buy more than
	// there is room for; the price may still move before it trades.
	if exchange.Rate(0).Affordable(c.Value, a.Price) > room {
		c.Volume, c.Value = room, 0
	}
	return c, ""
}
