package lunosim

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// orderAnswer is an order as the first version of the calls tells it.
type orderAnswer struct {
	ID          string `json:"order_id"`
	Created     int64  `json:"creation_timestamp"`
	Expiration  int64  `json:"expiration_timestamp"`
	Completed   int64  `json:"completed_timestamp"`
	Type        string `json:"type"`
	State       string `json:"state"`
	Price       string `json:"limit_price"`
	Volume      string `json:"limit_volume"`
	Base        string `json:"base"`
	Counter     string `json:"counter"`
	FeeBase     string `json:"fee_base"`
	FeeCounter  string `json:"fee_counter"`
	Pair        string `json:"pair"`
	TimeInForce string `json:"time_in_force"`
}

// orderAnswerV2 is an order as the later versions tell it.
type orderAnswerV2 struct {
	ID             string `json:"order_id"`
	ClientID       string `json:"client_order_id"`
	Pair           string `json:"pair"`
	Side           string `json:"side"`
	Type           string `json:"type"`
	Status         string `json:"status"`
	TimeInForce    string `json:"time_in_force"`
	Price          string `json:"limit_price"`
	Volume         string `json:"limit_volume"`
	Base           string `json:"base"`
	Counter        string `json:"counter"`
	FeeBase        string `json:"fee_base"`
	FeeCounter     string `json:"fee_counter"`
	Created        int64  `json:"creation_timestamp"`
	Completed      int64  `json:"completed_timestamp"`
	Expiration     int64  `json:"expiration_timestamp"`
	BaseAccount    int64  `json:"base_account_id"`
	CounterAccount int64  `json:"counter_account_id"`
	StopPrice      string `json:"stop_price"`
	StopDirection  string `json:"stop_direction"`
}

func (s *Sim) answerV1(d paper.Detail) orderAnswer {
	m, r := s.markets[d.Request.Pair], d.Request
	a := orderAnswer{
		ID: d.ID, Created: d.Created, Expiration: d.Cancelled, Completed: d.Completed, Type: sideOf(r.Side), State: "PENDING",
		Price: m.priceText(r.Price), Volume: m.volumeText(r.Volume), Base: m.volumeText(d.Filled), Counter: m.amountText(d.Value),
		FeeBase: m.dustText(d.FeeBase), FeeCounter: m.amountText(d.Fee), Pair: m.Pair, TimeInForce: r.TimeInForce.String(),
	}
	if r.Type == exchange.MarketOrder {
		a.Type = takerOf(r.Side)
	}
	if d.Status == exchange.Complete {
		a.State = "COMPLETE"
	}
	return a
}

func (s *Sim) answerV2(a *account, d paper.Detail) orderAnswerV2 {
	m, r := s.markets[d.Request.Pair], d.Request
	out := orderAnswerV2{
		ID: d.ID, ClientID: r.ClientID, Pair: m.Pair, Side: takerOf(r.Side), Type: "LIMIT", Status: statusText(d.Status),
		TimeInForce: r.TimeInForce.String(), Price: m.priceText(r.Price), Volume: m.volumeText(r.Volume), Base: m.volumeText(d.Filled),
		Counter: m.amountText(d.Value), FeeBase: m.dustText(d.FeeBase), FeeCounter: m.amountText(d.Fee), Created: d.Created, Completed: d.Completed,
		Expiration: d.Cancelled, BaseAccount: a.ids[m.Base], CounterAccount: a.ids[m.Counter], StopPrice: m.priceText(d.Stop.Price),
	}
	switch {
	case r.Type == exchange.MarketOrder:
		out.Type = "MARKET"
	case d.Stop.Direction == exchange.StopAbove:
		out.Type, out.StopDirection = "STOP_LIMIT", "ABOVE"
	case d.Stop.Direction == exchange.StopBelow:
		out.Type, out.StopDirection = "STOP_LIMIT", "BELOW"
	}
	return out
}

// statusText writes an order's state.
func statusText(s exchange.OrderStatus) string {
	switch s {
	case exchange.Pending:
		return "AWAITING"
	case exchange.Open:
		return "PENDING"
	case exchange.Complete:
	}
	return "COMPLETE"
}

func (s *Sim) orderV1(c *call) (any, error) {
	d, err := c.account.member.Detail(c.Context(), c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return s.answerV1(d), nil
}

func (s *Sim) orderV2(c *call) (any, error) {
	d, err := c.account.member.Detail(c.Context(), c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return s.answerV2(c.account, d), nil
}

func (s *Sim) orderV3(c *call) (any, error) {
	id, clientID := c.text("id"), c.text("client_order_id")
	if (id == "") == (clientID == "") {
		return nil, refuse("ErrInvalidParameters", "One of id and client_order_id is needed")
	}
	find, key := c.account.member.Detail, id
	if id == "" {
		find, key = c.account.member.DetailByClient, clientID
	}
	d, err := find(c.Context(), key)
	if err != nil {
		return nil, err
	}
	return s.answerV2(c.account, d), nil
}

// orders lists the account's orders that both versions of the list choose.
func (s *Sim) orders(c *call, f paper.OrderFilter) ([]paper.Detail, error) {
	var err error
	if f.Limit, err = c.limit(); err != nil {
		return nil, err
	}
	if f.Before, _, err = c.integer("created_before"); err != nil {
		return nil, err
	}
	if c.text("pair") != "" {
		m, err := s.market(c)
		if err != nil {
			return nil, err
		}
		f.Pair = m.Pair
	}
	return c.account.member.Orders(c.Context(), f)
}

func (s *Sim) listOrders(c *call) (any, error) {
	var f paper.OrderFilter
	switch c.text("state") {
	case "":
	case "PENDING":
		f.Live = true
	case "COMPLETE":
		f.Over = true
	default:
		return nil, refuse("ErrInvalidParameters", "state must be PENDING or COMPLETE")
	}
	orders, err := s.orders(c, f)
	if err != nil {
		return nil, err
	}
	list := make([]orderAnswer, len(orders))
	for i, d := range orders {
		list[i] = s.answerV1(d)
	}
	return map[string]any{"orders": list}, nil
}

func (s *Sim) listOrdersV2(c *call) (any, error) {
	closed, err := c.flag("closed")
	if err != nil {
		return nil, err
	}
	orders, err := s.orders(c, paper.OrderFilter{Live: !closed, Over: closed})
	if err != nil {
		return nil, err
	}
	list := make([]orderAnswerV2, len(orders))
	for i, d := range orders {
		list[i] = s.answerV2(c.account, d)
	}
	return map[string]any{"orders": list}, nil
}

type userTradeAnswer struct {
	Pair       string `json:"pair"`
	Sequence   int64  `json:"sequence"`
	OrderID    string `json:"order_id"`
	ClientID   string `json:"client_order_id"`
	Type       string `json:"type"`
	IsBuy      bool   `json:"is_buy"`
	Price      string `json:"price"`
	Volume     string `json:"volume"`
	Base       string `json:"base"`
	Counter    string `json:"counter"`
	FeeBase    string `json:"fee_base"`
	FeeCounter string `json:"fee_counter"`
	Timestamp  int64  `json:"timestamp"`
}

func (s *Sim) listTrades(c *call) (any, error) {
	m, err := s.market(c)
	if err != nil {
		return nil, err
	}
	f := paper.FillFilter{Pair: m.Pair}
	if f.Limit, err = c.limit(); err != nil {
		return nil, err
	}
	for name, to := range map[string]*int64{
		"since": &f.Since, "before": &f.Before, "after_seq": &f.FromSequence, "before_seq": &f.ToSequence,
	} {
		if *to, _, err = c.integer(name); err != nil {
			return nil, err
		}
	}
	if f.Newest, err = c.flag("sort_desc"); err != nil {
		return nil, err
	}
	f.Newest = f.Newest || f.Before != 0
	if late, lasts := s.faults.lasts(LateFills, c.subject()); lasts {
		if f.Before == 0 || f.Before > c.now-late.Delay {
			f.Before = c.now - late.Delay
		}
	}
	fills, err := c.account.member.FillsOf(c.Context(), f)
	if err != nil {
		return nil, err
	}
	list := make([]userTradeAnswer, len(fills))
	for i, fill := range fills {
		list[i] = userTradeAnswer{
			Pair: m.Pair, Sequence: fill.Sequence, OrderID: fill.OrderID, ClientID: fill.ClientID, Type: sideOf(fill.Side),
			IsBuy: (fill.Side == exchange.Buy) != fill.Maker, Price: m.priceText(fill.Price), Volume: m.volumeText(fill.Volume),
			Base: m.volumeText(fill.Volume), Counter: m.amountText(fill.Value), FeeBase: m.dustText(fill.FeeBase), FeeCounter: m.amountText(fill.FeeCounter),
			Timestamp: fill.Time,
		}
	}
	return map[string]any{"trades": list}, nil
}
