package signals

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// mostOrders is how many orders one signal may take to close a position that is
// larger than what the market takes in one.
const mostOrders = 10

// mostGiven is for how many limit orders exits are kept, the newest: more than an account
// has open. Those of orders that nothing came of are among them.
const mostGiven = 200

// allow reports why a message is not followed whatever it asks for.
func (s *follower) allow(b *strategy.Bot, in strategy.Signal, m message) error {
	age, most := b.Now().Sub(time.UnixMilli(in.Time)), time.Duration(s.Params.MaxAge)*time.Minute
	permitted := map[string]bool{
		actionBuy: s.Params.Buy, actionSell: s.Params.Sell, actionClose: s.Params.Close, actionStop: s.Params.SetStop, actionCancel: true,
	}
	switch {
	case !permitted[m.Action]:
		return fmt.Errorf("the bot's parameters do not allow %s", m.Action)
	case m.Pair != "" && !strings.EqualFold(m.Pair, b.Market().Pair):
		return fmt.Errorf("it is for %.20q, and the bot trades %s", m.Pair, b.Market().Pair)
	case in.Time > 0 && most > 0 && age > most:
		return fmt.Errorf("it came %s ago, and at most %d minutes are allowed", age.Round(time.Second), s.Params.MaxAge)
	case m.Action == actionBuy && s.Rest.Pending() && !s.Rest.Due(b):
		return fmt.Errorf("the bot pauses after its last buy until %s", time.UnixMilli(s.Rest.At).UTC().Format("15:04 UTC"))
	}
	return nil
}

// follow does what a message asks for, or says why that cannot be.
func (s *follower) follow(b *strategy.Bot, in strategy.Signal, m message) error {
	switch m.Action {
	case actionBuy:
		return s.buy(b, in, m)
	case actionSell:
		return s.sell(b, in, m)
	case actionClose:
		return s.close(b, in, m)
	case actionStop:
		return s.setExits(b, in, m)
	}
	if len(b.Orders()) == 0 {
		return errors.New("there is no order to cancel")
	}
	b.CancelAll()
	b.Note("%s: all orders are cancelled", caption(in, m))
	return nil
}

// buy buys at most what the largest size allows.
func (s *follower) buy(b *strategy.Bot, in strategy.Signal, m message) error {
	if s.closing() {
		return errors.New("the position is still being closed")
	}
	limit, err := ticks(b, m.Limit, exchange.Down)
	if err != nil {
		return err
	}
	exits, err := s.exits(b, m, limit)
	if err != nil {
		return err
	}
	market, most := b.Market(), part(b.FreeCounter(), s.MaxSize)
	request := exchange.OrderRequest{Pair: market.Pair, Side: exchange.Buy, Type: exchange.MarketOrder}
	if limit > 0 {
		request.Type, request.Price = exchange.LimitOrder, limit
		most -= most / 100 // what the venue keeps back for fees, which a strategy does not see
	}
	switch {
	case m.Volume != nil:
		if request.Volume, err = market.Steps(m.Volume.Decimal, exchange.Down); err != nil {
			return err
		}
		if price := max(limit, s.Price); price > 0 {
			request.Volume = min(request.Volume, affordable(most, price))
		}
	default:
		amount := part(b.FreeCounter(), s.Size)
		if m.Size != nil {
			amount = part(b.FreeCounter(), exchange.Rate(m.Size.Shift(6).IntPart()))
		}
		if m.Amount != nil {
			if amount, err = market.Units(m.Amount.Decimal, exchange.Down); err != nil {
				return err
			}
		}
		request.Value = min(amount, most)
		if limit > 0 {
			request.Volume, request.Value = affordable(request.Value, limit), 0
		}
	}
	if market.MaxVolume > 0 {
		request.Volume = min(request.Volume, market.MaxVolume)
	}
	order, err := place(b, request)
	if err != nil {
		return err
	}
	order.Because("%s", caption(in, m))
	switch {
	case limit == 0:
		s.Exits = exits
	case exits != (strategy.Exits{}):
		s.Given = append(s.Given[max(0, len(s.Given)-mostGiven+1):], Given{Ref: order.Ref(), Exits: exits})
	}
	if s.Params.Cooldown > 0 {
		s.Rest.After(b, s.pause())
	}
	return nil
}

// sell sells a part of what no order holds.
func (s *follower) sell(b *strategy.Bot, in strategy.Signal, m message) error {
	if s.closing() {
		return errors.New("the position is still being closed") // a limit would undo that
	}
	limit, err := ticks(b, m.Limit, exchange.Up)
	if err != nil {
		return err
	}
	market, volume := b.Market(), b.FreeBase()
	switch {
	case m.Size != nil:
		volume = part(volume, exchange.Rate(m.Size.Shift(6).IntPart()))
	case m.Volume != nil:
		if volume, err = market.Steps(m.Volume.Decimal, exchange.Down); err != nil {
			return err
		}
	case m.Amount != nil:
		amount, err := market.Units(m.Amount.Decimal, exchange.Down)
		if err != nil {
			return err
		}
		volume = affordable(amount, limit)
	}
	request := exchange.OrderRequest{Pair: market.Pair, Side: exchange.Sell, Type: exchange.MarketOrder, Price: limit, Volume: min(volume, b.FreeBase())}
	if limit > 0 {
		request.Type = exchange.LimitOrder
	}
	if market.MaxVolume > 0 {
		request.Volume = min(request.Volume, market.MaxVolume)
	}
	order, err := place(b, request)
	if err == nil {
		order.Because("%s", caption(in, m))
	}
	return err
}

// close takes all orders back and sells all that there is. An exchange is only asked
// for orders and says later that they are over: what they hold is sold then.
func (s *follower) close(b *strategy.Bot, in strategy.Signal, m message) error {
	market, left := b.Market(), b.Position()
	least := max(1, market.MinVolume)
	if left < least && len(b.Orders()) == 0 {
		return errors.New("there is nothing to close")
	}
	if len(b.Orders()) > 0 {
		b.CancelAll()
	}
	if left < least {
		b.Note("%s: all orders are cancelled, and there is no position to sell", caption(in, m))
	}
	s.Back = nil
	for _, o := range b.Orders() {
		s.Back = append(s.Back, o.Ref)
	}
	s.Back = append(s.Back, s.sellOff(b, caption(in, m))...)
	return nil
}

// closing reports whether orders that a close took back are still open.
func (s *follower) closing() bool { return len(s.Back) > 0 }

// closeOn goes on with a close: it sells what the orders that it took back held, and what
// its sales left that ended in part. For those that are open all the same the host asks again
// by itself.
func (s *follower) closeOn(b *strategy.Bot) {
	open := s.sellOff(b, "what is left of the position is sold, too")
	for _, o := range b.Orders() {
		if slices.Contains(s.Back, o.Ref) {
			open = append(open, o.Ref)
		}
	}
	s.Back = open
}

// sellOff sells what no order holds, unless what would be left is too little to be sold
// by itself. It returns its orders.
func (*follower) sellOff(b *strategy.Bot, why string) (sales []uint64) {
	market, left := b.Market(), b.FreeBase()
	least := max(1, market.MinVolume)
	if held := b.Position() - left; held > 0 && held < least {
		return nil
	}
	for range mostOrders {
		volume := left
		if market.MaxVolume > 0 {
			volume = min(volume, market.MaxVolume)
		}
		if volume < least {
			break
		}
		sale := b.Sell(volume)
		sale.Because("%s", why)
		sales, left = append(sales, sale.Ref()), left-volume
	}
	return sales
}

// setExits sets the stop and the target of the position.
func (s *follower) setExits(b *strategy.Bot, in strategy.Signal, m message) error {
	if !holds(b) {
		return errors.New("there is no position to protect")
	}
	exits, err := s.exits(b, m, 0)
	if err != nil {
		return err
	}
	s.Exits = exits
	s.protect(b)
	b.Note("%s", caption(in, m))
	return nil
}

// exits returns the exits after a message: those that it gives, and those of messages before
// where it gives none and the position is the same; for a limit order, which may rest beside
// a position, only those that it gives. They must lie on their sides of the price, or of a
// limit below it at which is bought; 0 is none.
func (s *follower) exits(b *strategy.Bot, m message, limit exchange.Ticks) (strategy.Exits, error) {
	at, name := s.Price, "price"
	if limit > 0 && limit < at {
		at, name = limit, "limit"
	}
	var e strategy.Exits
	if limit == 0 && (holds(b) || len(b.Orders()) > 0) {
		e = s.Exits
	}
	if m.Action == actionBuy && e.Target <= at {
		e.Target = 0 // it would sell at once what is bought
	}
	stop, err := ticks(b, m.Stop, exchange.Down)
	if err != nil {
		return e, err
	}
	target, err := ticks(b, m.Target, exchange.Up)
	if err != nil {
		return e, err
	}
	if stop > 0 {
		e.Stop = stop
	}
	if target > 0 {
		e.Target = target
	}
	switch {
	case stop > 0 && at > 0 && stop >= at:
		return e, fmt.Errorf("the stop %s is not below the %s %s", m.Stop, name, b.Price(at.Float()))
	case target > 0 && at > 0 && target <= at:
		return e, fmt.Errorf("the target %s is not above the %s %s", m.Target, name, b.Price(at.Float()))
	case e.Stop > 0 && e.Target > 0 && e.Stop >= e.Target:
		return e, fmt.Errorf("the stop %s is not below the target %s", b.Price(e.Stop.Float()), b.Price(e.Target.Float()))
	}
	return e, nil
}

// holds reports whether there is a position that could be sold.
func holds(b *strategy.Bot) bool { return b.Position() >= max(1, b.Market().MinVolume) }

// place orders what the market takes.
func place(b *strategy.Bot, r exchange.OrderRequest) (strategy.Order, error) {
	if r.Volume <= 0 && r.Value <= 0 {
		return strategy.Order{}, fmt.Errorf("there is nothing to %s with", r.Side)
	}
	if err := b.Market().Check(r); err != nil {
		var refused *exchange.Error
		if errors.As(err, &refused) {
			return strategy.Order{}, errors.New(refused.Message)
		}
		return strategy.Order{}, err
	}
	switch {
	case r.Type == exchange.LimitOrder:
		return b.Limit(r.Side, r.Price, r.Volume), nil
	case r.Side == exchange.Sell:
		return b.Sell(r.Volume), nil
	case r.Value > 0:
		return b.BuyWith(r.Value), nil
	}
	return b.Buy(r.Volume), nil
}

// caption names a signal and what it asks for, for the log.
func caption(in strategy.Signal, m message) string {
	text := fmt.Sprintf("signal %.40q asks to %s", in.ID, m.Action)
	for _, f := range []struct {
		word, unit string
		n          *number
	}{{"size", " %", m.Size}, {"amount", "", m.Amount}, {"volume", "", m.Volume}, {"limit", "", m.Limit}, {"stop", "", m.Stop}, {"target", "", m.Target}} {
		if f.n != nil {
			text += fmt.Sprintf(", %s %s%s", f.word, f.n, f.unit)
		}
	}
	if m.Note != "" {
		text += fmt.Sprintf(" (%.100s)", m.Note)
	}
	return text
}

// ticks is a price of a message in ticks; 0 if there is none.
func ticks(b *strategy.Bot, price *number, r exchange.Rounding) (exchange.Ticks, error) {
	if price == nil {
		return 0, nil
	}
	t, err := b.Market().Ticks(price.Decimal, r)
	if err == nil && t < 1 {
		err = fmt.Errorf("the price %s is below the market's smallest step", price)
	}
	return t, err
}

// part is a share of an amount or a volume, rounded down.
func part[T ~int64](of T, share exchange.Rate) T {
	n, err := exchange.MulDiv(int64(max(0, of)), int64(share), int64(exchange.RateOne))
	if err != nil {
		return 0
	}
	return T(n)
}

// affordable is the volume that an amount pays for at a price.
func affordable(amount exchange.Units, price exchange.Ticks) exchange.Steps {
	return exchange.Rate(0).Affordable(amount, price)
}
