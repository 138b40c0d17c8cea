package luno

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// balance is an account as Luno describes it.
type balance struct {
	Account  string          `json:"account_id"`
	Asset    string          `json:"asset"`
	Balance  decimal.Decimal `json:"balance"`
	Reserved decimal.Decimal `json:"reserved"`
}

// Balances implements exchange.Trader. Of a currency for which the Config names an
// account there is that one alone. What Luno calls the balance is taken for the
// whole, reservations included: the reading that spends less where its documents
// contradict each other.
func (c *Client) Balances(ctx context.Context) ([]exchange.Balance, error) {
	var told struct {
		Balance []balance `json:"balance"`
	}
	if _, err := c.get(ctx, pathBalance, nil, &told); err != nil {
		return nil, fmt.Errorf("reading the balances of Luno: %w", err)
	}
	out := make([]exchange.Balance, 0, len(told.Balance))
	for _, t := range told.Balance {
		if err := sane(t.Balance, t.Reserved); err != nil {
			return nil, fmt.Errorf("reading the balances of Luno: %s: %w", t.Asset, err)
		}
		if t.Asset == "" || !isAccountID(t.Account) || t.Reserved.IsNegative() {
			return nil, fmt.Errorf("reading the balances of Luno: the account %q of %q reserves %s", t.Account, t.Asset, t.Reserved)
		}
		if id := c.cfg.Accounts[t.Asset]; id == "" || id == t.Account {
			out = append(out, exchange.Balance{Currency: t.Asset, Account: t.Account, Total: t.Balance, Reserved: t.Reserved})
		}
	}
	return out, nil
}

// Fees implements exchange.Trader.
func (c *Client) Fees(ctx context.Context, pair string) (exchange.FeeSchedule, error) {
	var told struct {
		Maker     string          `json:"maker_fee"`
		Taker     string          `json:"taker_fee"`
		MakerBuy  string          `json:"maker_fee_buy"`
		MakerSell string          `json:"maker_fee_sell"`
		TakerBuy  string          `json:"taker_fee_buy"`
		TakerSell string          `json:"taker_fee_sell"`
		Volume    decimal.Decimal `json:"thirty_day_volume"`
	}
	if _, err := c.get(ctx, pathFees, url.Values{"pair": {pair}}, &told); err != nil {
		return exchange.FeeSchedule{}, fmt.Errorf("reading the fees of %s: %w", pair, err)
	}
	s := exchange.FeeSchedule{Volume: told.Volume}
	problems := []error{sane(told.Volume)}
	for _, f := range [...]struct {
		to          *exchange.Rate
		text, older string
	}{
		{&s.Buy.Maker, told.MakerBuy, told.Maker}, {&s.Sell.Maker, told.MakerSell, told.Maker},
		{&s.Buy.Taker, told.TakerBuy, told.Taker}, {&s.Sell.Taker, told.TakerSell, told.Taker},
	} {
		if f.text == "" {
			f.text = f.older
		}
		var err error
		*f.to, err = rateOf(f.text)
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return exchange.FeeSchedule{}, fmt.Errorf("reading the fees of %s: %w", pair, err)
	}
	return s, nil
}

// rateOf reads a rate. One whose writing is too long to be any is not tried.
func rateOf(text string) (exchange.Rate, error) {
	const longest = 40
	if len(text) > longest {
		return 0, errors.New("a rate has too many digits")
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no rate", text)
	}
	if err := sane(d); err != nil {
		return 0, err
	}
	return exchange.ParseRate(text)
}

// entry is a booking as Luno describes it.
type entry struct {
	Row            int64           `json:"row_index"`
	Time           int64           `json:"timestamp"`
	Balance        decimal.Decimal `json:"balance"`
	Delta          decimal.Decimal `json:"balance_delta"`
	Available      decimal.Decimal `json:"available"`
	AvailableDelta decimal.Decimal `json:"available_delta"`
	Currency       string          `json:"currency"`
	Description    string          `json:"description"`
	Kind           string          `json:"kind"`
	Reference      string          `json:"reference"`
	Details        struct {
		Trade struct {
			Pair     string `json:"pair"`
			Sequence int64  `json:"sequence"`
		} `json:"trade_details"`
	} `json:"detail_fields"`
}

func (t entry) entry(account string) (exchange.LedgerEntry, error) {
	if err := sane(t.Balance, t.Delta, t.Available, t.AvailableDelta); err != nil {
		return exchange.LedgerEntry{}, err
	}
	return exchange.LedgerEntry{
		Account: account, Currency: t.Currency, Row: t.Row, Time: t.Time, Delta: t.Delta, Balance: t.Balance,
		AvailableDelta: t.AvailableDelta, Available: t.Available, Kind: t.Kind, Description: t.Description, Reference: t.Reference,
		Pair: t.Details.Trade.Pair, Sequence: t.Details.Trade.Sequence,
	}, nil
}

// Entries implements exchange.Ledger.
func (c *Client) Entries(ctx context.Context, account string, after int64, limit int) ([]exchange.LedgerEntry, error) {
	if !isAccountID(account) {
		return nil, exchange.Unsent("ErrInvalidAccountID", "%q is no id of an account", account)
	}
	if limit <= 0 || after < 0 {
		return nil, exchange.Unsent("ErrLimitOutOfRange", "entries after %d, %d at most, are none", after, limit)
	}
	var all []exchange.LedgerEntry
	for len(all) < limit {
		size := min(pageSize, limit-len(all))
		page, err := c.rows(ctx, account, after+1, after+1+int64(size))
		if err != nil {
			return nil, fmt.Errorf("reading the ledger of Luno's account %s: %w", account, err)
		}
		for _, e := range page {
			if e.Row != after+1 {
				return nil, fmt.Errorf("reading the ledger of Luno's account %s: row %d does not follow %d", account, e.Row, after)
			}
			after = e.Row
			all = append(all, e)
		}
		if len(page) < size {
			break
		}
	}
	return all, nil
}

// rows reads rows of a ledger from least to below most, ascending.
func (c *Client) rows(ctx context.Context, account string, least, most int64) ([]exchange.LedgerEntry, error) {
	query := url.Values{"min_row": {strconv.FormatInt(least, 10)}, "max_row": {strconv.FormatInt(most, 10)}}
	var told struct {
		Transactions []entry `json:"transactions"`
	}
	if _, err := c.get(ctx, pathAccounts+account+pathTransactions, query, &told); err != nil {
		return nil, err
	}
	out := make([]exchange.LedgerEntry, 0, len(told.Transactions))
	for _, t := range told.Transactions {
		e, err := t.entry(account)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", t.Row, err)
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b exchange.LedgerEntry) int { return cmp.Compare(a.Row, b.Row) })
	return out, nil
}

// PendingEntries lists bookings of an account that are not settled: they have no
// row yet and may change or go away.
func (c *Client) PendingEntries(ctx context.Context, account string) ([]exchange.LedgerEntry, error) {
	if !isAccountID(account) {
		return nil, exchange.Unsent("ErrInvalidAccountID", "%q is no id of an account", account)
	}
	var told struct {
		Pending []entry `json:"pending"`
	}
	if _, err := c.get(ctx, pathAccounts+account+pathPending, nil, &told); err != nil {
		return nil, fmt.Errorf("reading what is pending in Luno's account %s: %w", account, err)
	}
	out := make([]exchange.LedgerEntry, 0, len(told.Pending))
	for _, t := range told.Pending {
		e, err := t.entry(account)
		if err != nil {
			return nil, fmt.Errorf("reading what is pending in Luno's account %s: %w", account, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// Transfer is a deposit or a withdrawal that somebody made.
type Transfer struct {
	ID          string
	Amount, Fee decimal.Decimal
	// Inbound transfers are deposits.
	Inbound bool
	// Created is in epoch milliseconds UTC.
	Created int64
	// TransactionID is that of the coin's own chain; "" if there is none.
	TransactionID string
}

// Transfers lists an account's transfers before a time, or all if it is zero,
// newest first, at most limit of up to 1000. Nobody can make one with this
// client.
func (c *Client) Transfers(ctx context.Context, account string, before time.Time, limit int) ([]Transfer, error) {
	if !isAccountID(account) {
		return nil, exchange.Unsent("ErrInvalidAccountID", "%q is no id of an account", account)
	}
	if limit <= 0 || limit > pageSize {
		return nil, exchange.Unsent("ErrLimitOutOfRange", "a limit of %d is not between 1 and %d", limit, pageSize)
	}
	query := url.Values{"account_id": {account}, "limit": {strconv.Itoa(limit)}}
	if !before.IsZero() {
		query.Set("before", strconv.FormatInt(before.UnixMilli(), 10))
	}
	var told struct {
		Transfers []struct {
			ID            string          `json:"id"`
			Amount        decimal.Decimal `json:"amount"`
			Fee           decimal.Decimal `json:"fee"`
			Inbound       bool            `json:"inbound"`
			Created       int64           `json:"created_at"`
			TransactionID string          `json:"transaction_id"`
		} `json:"transfers"`
	}
	if _, err := c.get(ctx, pathTransfers, query, &told); err != nil {
		return nil, fmt.Errorf("reading the transfers of Luno's account %s: %w", account, err)
	}
	out := make([]Transfer, 0, len(told.Transfers))
	for _, t := range told.Transfers {
		if err := sane(t.Amount, t.Fee); err != nil {
			return nil, fmt.Errorf("reading the transfers of Luno's account %s: %s: %w", account, t.ID, err)
		}
		out = append(out, Transfer(t))
	}
	return out, nil
}
