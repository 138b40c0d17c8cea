package strategy

import (
	"fmt"
	"math"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// View is what the host tells a strategy of its account before each event. The
// host owns it; a strategy reads it through the Bot.
type View struct {
	// Base is the position and ReservedBase what open sell orders hold of it.
	Base, ReservedBase exchange.Steps
	// Counter is the cash and ReservedCounter what open buy orders hold of it.
	Counter, ReservedCounter exchange.Units
	// Cost is what the position was bought for, fees included.
	Cost exchange.Units
	// Exits are the protective exits in force.
	Exits Exits
	// Orders are the bot's open orders, oldest first.
	Orders []OpenOrder
	// NextRef is the reference that the next order gets.
	NextRef uint64
	// Warming is true while candles of the past are given.
	Warming bool
	// Top is the top of the order book at the newest close; zero if it is not
	// known or not subscribed to.
	Top exchange.Top
	// Others is the account in the further pairs that the bot trades, in their
	// order. Their Counter is the same cash in units of their market, rounded
	// down; they have no Others, NextRef or Top of their own.
	Others []View
}

// OpenOrder is one of the bot's orders that is not over.
type OpenOrder struct {
	Ref            uint64
	Side           exchange.Side
	Type           exchange.OrderType
	Price          exchange.Ticks
	Volume, Filled exchange.Steps
	Value          exchange.Units
}

// Bot is what a strategy sees of its bot and records its commands with. It is
// valid only during the handler that it was given to. What it shows and trades is
// the bot's own pair; Pair and Pairs return the bot in another that it trades with
// the same balance.
type Bot struct {
	market   exchange.Market
	interval time.Duration
	explain  bool

	view     *View
	now      int64
	nextRef  uint64
	commands []Command

	// others is the bot in its further pairs. There, main is the bot in its own
	// pair, pair the name that commands carry, and per of how many of the account's
	// shared units a unit of the market is made.
	others []*Bot
	main   *Bot
	pair   string
	per    int64
}

// Market returns the rules of the bot's market.
func (b *Bot) Market() exchange.Market { return b.market }

// Interval returns the length of the bot's candles.
func (b *Bot) Interval() time.Duration { return b.interval }

// Now returns the time of the event, in UTC: for a candle, and what is told with
// it, its close.
func (b *Bot) Now() time.Time { return time.UnixMilli(b.now).UTC() }

// Warming reports whether the candle is one of the past, given so that
// indicators fill; commands are ignored then.
func (b *Bot) Warming() bool { return b.recorder().view.Warming }

// Book returns the top of the order book at the close of the newest candle, for
// a Subscriber of it; false where none is known. A side may be without an order.
func (b *Bot) Book() (exchange.Top, bool) { return b.view.Top, !b.view.Top.IsZero() }

// Position returns the base volume that the bot holds.
func (b *Bot) Position() exchange.Steps { return b.view.Base }

// FreeBase returns the part of the position that no open order holds.
func (b *Bot) FreeBase() exchange.Steps { return b.view.Base - b.view.ReservedBase }

// FreeCounter returns the cash that no open order holds.
func (b *Bot) FreeCounter() exchange.Units { return b.view.Counter - b.view.ReservedCounter }

// Entry returns the average price that the position was bought at in ticks,
// fees included; 0 without a position.
func (b *Bot) Entry() float64 {
	if b.view.Base == 0 {
		return 0
	}
	return float64(b.view.Cost) / float64(b.view.Base)
}

// Orders returns the bot's open orders, oldest first. The slice belongs to the
// host and is valid only during the handler.
func (b *Bot) Orders() []OpenOrder { return b.view.Orders }

// Exits returns the protective exits in force.
func (b *Bot) Exits() Exits { return b.view.Exits }

// Order is an order that was just recorded, to explain it or to keep its
// reference.
type Order struct {
	bot   *Bot
	index int
}

// Ref returns the order's reference, by which later events name it; 0 if
// nothing was recorded.
func (o Order) Ref() uint64 {
	if o.bot == nil {
		return 0
	}
	return o.bot.commands[o.index].Ref
}

// Because says why the order is wanted, as a sentence for the tenant with the
// numbers that led to it. It is dropped unless Bot.Explaining.
func (o Order) Because(format string, args ...any) Order {
	if o.bot != nil && o.bot.explain {
		o.bot.commands[o.index].Text = fmt.Sprintf(format, args...)
	}
	return o
}

// BuyWith records a market order that spends at most the amount, fee included.
// An amount of 0 or less records nothing.
func (b *Bot) BuyWith(amount exchange.Units) Order {
	if amount <= 0 {
		return Order{}
	}
	return b.place(Command{Side: exchange.Buy, Type: exchange.MarketOrder, Value: amount})
}

// Buy records a market order for a volume; 0 or less records nothing.
func (b *Bot) Buy(volume exchange.Steps) Order {
	if volume <= 0 {
		return Order{}
	}
	return b.place(Command{Side: exchange.Buy, Type: exchange.MarketOrder, Volume: volume})
}

// Sell records a market order for a volume; 0 or less records nothing.
func (b *Bot) Sell(volume exchange.Steps) Order {
	if volume <= 0 {
		return Order{}
	}
	return b.place(Command{Side: exchange.Sell, Type: exchange.MarketOrder, Volume: volume})
}

// SellAll records a market order for all of the position that is free, or for as much
// of it as the market takes in one order; for less than the market takes it records
// nothing.
func (b *Bot) SellAll() Order {
	volume := b.FreeBase()
	if most := b.market.MaxVolume; most > 0 {
		volume = min(volume, most)
	}
	if volume < b.market.MinVolume {
		return Order{}
	}
	return b.Sell(volume)
}

// Limit records a limit order.
func (b *Bot) Limit(side exchange.Side, price exchange.Ticks, volume exchange.Steps) Order {
	return b.place(Command{Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume})
}

// PostOnly records a limit order that is taken back instead of trading at once.
func (b *Bot) PostOnly(side exchange.Side, price exchange.Ticks, volume exchange.Steps) Order {
	return b.place(Command{Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume, PostOnly: true})
}

// Cancel records that the order of the reference shall be taken back. An exchange is only
// asked for that, and the order may trade until it is over: orders of its side that are
// placed meanwhile take its place. They may use what it holds, are sent when it is over, and
// become smaller by what it yet trades. In a backtest it is over at once.
func (b *Bot) Cancel(ref uint64) { b.record(Command{Kind: CancelCommand, Ref: ref}) }

// CancelAll records that all of the bot's orders in this pair shall be taken back.
func (b *Bot) CancelAll() { b.record(Command{Kind: CancelAllCommand}) }

// SetExits records the prices at which the host shall close the position by
// itself. They are dropped when the position is closed.
func (b *Bot) SetExits(e Exits) { b.record(Command{Kind: ExitsCommand, Exits: e}) }

// Explaining reports whether anybody reads explanations. Ask it before making
// a note or a plot on every candle: in backtests nobody does.
func (b *Bot) Explaining() bool { return b.explain }

// Note explains a decision, or why there was none, as a sentence for the
// tenant. It is dropped unless Explaining.
func (b *Bot) Note(format string, args ...any) {
	if b.explain {
		b.record(Command{Kind: NoteCommand, Text: fmt.Sprintf(format, args...)})
	}
}

// Plot adds a value in ticks to a named line of the chart of the bot's pair, or of the
// further pair that it was asked of (see Pair). It is dropped unless Explaining, and if it is no number: an indicator that has not seen enough says NaN.
func (b *Bot) Plot(name string, ticks float64) {
	if b.explain && !math.IsNaN(ticks) && !math.IsInf(ticks, 0) {
		b.record(Command{Kind: PlotCommand, Name: name, Number: ticks})
	}
}

// Price writes a price, or an average of prices, in ticks as the market does.
func (b *Bot) Price(ticks float64) string { return b.market.FormatPrice(ticks) }

func (b *Bot) place(c Command) Order {
	m := b.recorder()
	c.Kind = PlaceCommand
	c.Ref = m.nextRef
	m.nextRef++
	b.record(c)
	return Order{bot: m, index: len(m.commands) - 1}
}

// record adds a command for the pair.
func (b *Bot) record(c Command) {
	m := b.recorder()
	c.Pair = b.pair
	m.commands = append(m.commands, c)
}

// recorder returns the bot that keeps the commands.
func (b *Bot) recorder() *Bot {
	if b.main != nil {
		return b.main
	}
	return b
}
