package lunosim

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

type balanceAnswer struct {
	AccountID   string `json:"account_id"`
	Asset       string `json:"asset"`
	Balance     string `json:"balance"`
	Reserved    string `json:"reserved"`
	Unconfirmed string `json:"unconfirmed"`
	Name        string `json:"name"`
}

func (s *Sim) balance(c *call) (any, error) {
	balances, err := c.account.member.Balances(c.Context())
	if err != nil {
		return nil, err
	}
	assets, err := c.repeated("assets")
	if err != nil {
		return nil, err
	}
	list := []balanceAnswer{}
	for _, b := range balances {
		if assets == nil || slices.Contains(assets, b.Currency) {
			list = append(list, balanceAnswer{
				AccountID: strconv.FormatInt(c.account.ids[b.Currency], 10), Asset: b.Currency, Balance: plain(b.Total),
				Reserved: plain(b.Reserved), Unconfirmed: none, Name: b.Currency + " account",
			})
		}
	}
	return map[string]any{"balance": list}, nil
}

// ledger returns the ledger that the call's path, or a parameter, names.
func (c *call) ledger(text string) (*ledger, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, refuse("ErrInvalidAccountID", "The account's id must be a whole number")
	}
	l := c.account.byID(id)
	if l == nil {
		return nil, refuse("ErrAccountNotFound", "There is no such account")
	}
	return l, nil
}

type transactionAnswer struct {
	AccountID      string         `json:"account_id"`
	Row            int64          `json:"row_index"`
	Timestamp      int64          `json:"timestamp"`
	Balance        string         `json:"balance"`
	Available      string         `json:"available"`
	BalanceDelta   string         `json:"balance_delta"`
	AvailableDelta string         `json:"available_delta"`
	Currency       string         `json:"currency"`
	Description    string         `json:"description"`
	Kind           string         `json:"kind"`
	Reference      string         `json:"reference"`
	Details        map[string]any `json:"details"`
	DetailFields   detailFields   `json:"detail_fields"`
}

type detailFields struct {
	Trade  *tradeDetails  `json:"trade_details,omitempty"`
	Crypto *cryptoDetails `json:"crypto_details,omitempty"`
}

type tradeDetails struct {
	Pair     string `json:"pair"`
	Price    string `json:"price"`
	Sequence int64  `json:"sequence"`
	Volume   string `json:"volume"`
}

type cryptoDetails struct {
	Address string `json:"address"`
	TxID    string `json:"txid"`
}

// maxRows is how many rows one answer has.
const maxRows = 1000

func (s *Sim) transactions(c *call) (any, error) {
	l, err := c.ledger(c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	first, firstErr := strconv.ParseInt(c.text("min_row"), 10, 64) // 0 means the newest here
	end, endErr := strconv.ParseInt(c.text("max_row"), 10, 64)
	switch {
	case firstErr != nil || endErr != nil:
		return nil, refuse("ErrInvalidParameters", "min_row and max_row are needed and must be whole numbers")
	case (first > 0) == (end > 0) && end-first > maxRows:
		return nil, refuse("ErrTooManyRowsRequested", "At most 1000 rows are given")
	}
	rows, at := l.between(first, end)
	if len(rows) > maxRows {
		return nil, refuse("ErrTooManyRowsRequested", "At most 1000 rows are given")
	}
	list := make([]transactionAnswer, len(rows))
	for i, p := range rows {
		list[len(rows)-1-i] = s.transaction(l, at+int64(i), p)
	}
	return map[string]any{"id": strconv.FormatInt(l.id, 10), "transactions": list}, nil
}

func (s *Sim) transaction(l *ledger, row int64, p paper.Posting) transactionAnswer {
	t := transactionAnswer{
		AccountID: strconv.FormatInt(l.id, 10), Row: row, Timestamp: p.Time, Balance: plain(p.Total), Available: plain(p.Free),
		BalanceDelta: plain(p.TotalDelta), AvailableDelta: plain(p.FreeDelta), Currency: l.currency, Kind: "EXCHANGE",
		Reference: p.OrderID, Details: map[string]any{},
	}
	m := s.markets[p.Pair]
	switch p.Kind {
	case paper.PostingTransfer:
		t.Kind, t.Description = "TRANSFER", "Deposit"
		t.DetailFields.Crypto = &cryptoDetails{}
	case paper.PostingReserve:
		t.Description = "Reserved for order " + p.OrderID
	case paper.PostingRelease:
		t.Description = "Released from order " + p.OrderID
	case paper.PostingFee:
		t.Kind, t.Description = "FEE", "Trading fee"
	case paper.PostingExchange:
		verb := "Sold"
		if (l.currency == m.Base) == p.TotalDelta.IsPositive() {
			verb = "Bought"
		}
		t.Description = fmt.Sprintf("%s %s %s at %s %s", verb, m.volumeText(p.Trade.Volume), m.Base, m.priceText(p.Trade.Price), m.Counter)
	}
	if p.Trade.Sequence != 0 {
		t.DetailFields.Trade = &tradeDetails{Pair: m.Pair, Price: m.priceText(p.Trade.Price), Sequence: p.Trade.Sequence, Volume: m.volumeText(p.Trade.Volume)}
	}
	return t
}

func (s *Sim) pending(c *call) (any, error) {
	l, err := c.ledger(c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id": strconv.FormatInt(l.id, 10), "name": l.currency + " account", "currency": l.currency,
		"pending": []transactionAnswer{}, "transactions": []transactionAnswer{},
	}, nil
}

// feeDays is over how many days the volume of fee_info goes, in milliseconds.
const feeDays = 30 * day

func (s *Sim) feeInfo(c *call) (any, error) {
	m, err := s.market(c)
	if err != nil {
		return nil, err
	}
	fills, err := c.account.member.FillsOf(c.Context(), paper.FillFilter{Pair: m.Pair, Since: c.now - feeDays, Limit: maxFills})
	if err != nil {
		return nil, err
	}
	var traded exchange.Units
	for _, f := range fills {
		traded += f.Value
	}
	maker, taker := s.cfg.Fees.Maker.Decimal().StringFixed(feeScale), s.cfg.Fees.Taker.Decimal().StringFixed(feeScale)
	return map[string]string{
		"maker_fee": maker, "maker_fee_buy": maker, "maker_fee_sell": maker, "taker_fee": taker, "taker_fee_buy": taker, "taker_fee_sell": taker,
		"thirty_day_volume": m.amountText(traded),
	}, nil
}

// maxFills is more than an account ever has.
const maxFills = 1 << 40

type transferAnswer struct {
	ID            string `json:"id"`
	Amount        string `json:"amount"`
	Fee           string `json:"fee"`
	Inbound       bool   `json:"inbound"`
	CreatedAt     int64  `json:"created_at"`
	TransactionID string `json:"transaction_id"`
}

func (s *Sim) transfers(c *call) (any, error) {
	l, err := c.ledger(c.text("account_id"))
	if err != nil {
		return nil, err
	}
	limit, err := c.limit()
	if err != nil {
		return nil, err
	}
	before, given, err := c.integer("before")
	if err != nil {
		return nil, err
	}
	rows, at := l.between(1, 0)
	list := []transferAnswer{}
	for i := len(rows) - 1; i >= 0 && len(list) < limit; i-- {
		p := rows[i]
		if p.Kind == paper.PostingTransfer && !(given && p.Time >= before) {
			list = append(list, transferAnswer{
				ID: strconv.FormatInt(l.id/2+at+int64(i), 10), Amount: plain(p.TotalDelta), Fee: none, Inbound: true, CreatedAt: p.Time,
			})
		}
	}
	return map[string]any{"transfers": list}, nil
}
