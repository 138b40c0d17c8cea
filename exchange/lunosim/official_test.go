package lunosim_test

import (
	"context"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/luno/luno-go"
	"github.com/luno/luno-go/decimal"
	"golang.org/x/time/rate"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// official returns Luno's own client of a key, unchanged but for the address and for
// its pause of 200 ms before each call.
func (b *bench) official(t *testing.T, k lunosim.Key) *luno.Client {
	t.Helper()
	c := luno.NewClient()
	c.SetBaseURL(b.url)
	c.SetRateLimiter(rate.NewLimiter(rate.Inf, 1))
	if k.ID != "" {
		if err := c.SetAuth(k.ID, k.Secret); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// exact reads a number as Luno's client holds it.
func exact(t *testing.T, text string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// same checks numbers, which may be written with more or fewer zeros.
func same(t *testing.T, what string, got decimal.Decimal, want string) {
	t.Helper()
	if got.Cmp(exact(t, want)) != 0 {
		t.Errorf("%s is %s, want %s", what, got, want)
	}
}

// told checks that the client knows an error's code; "" is none.
func told(t *testing.T, what string, err error, code string) {
	t.Helper()
	if code == "" && err != nil || code != "" && !luno.IsErrorCode(err, code) {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

// officialCall is one call of Luno's client: what a key needs for it, and the code
// that it is answered with where the key may make it.
type officialCall struct {
	needs lunosim.Permission
	code  string
	do    func(ctx context.Context, c *luno.Client) error
}

// everyone is what a call needs that wants no key; any valid key has permission 0.
const everyone lunosim.Permission = -1

// call binds a method of Luno's client to what it is asked.
func call[Q, A any](method func(*luno.Client, context.Context, *Q) (A, error), q Q) func(context.Context, *luno.Client) error {
	return func(ctx context.Context, c *luno.Client) error {
		_, err := method(c, ctx, &q)
		return err
	}
}

// TestOfficialClientEveryCall makes every call that Luno's own Go client has, with each
// kind of key and with none: each succeeds or is refused with the code that the key and
// the call ask for. None is missing, and what moves money only counts.
func TestOfficialClientEveryCall(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.bob.limit(t, "ASK", "400000", "1")
	b.bob.limit(t, "BID", "390000", "1")
	id := b.ann.limit(t, "BID", "400000", "0.01", "client_order_id=known")
	account, err := strconv.ParseInt(items(b.ann.get(t, "/api/1/balance", "assets=XBT"), "balance")[0]["account_id"].(string), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	pair, one, moment := "XBTMYR", exact(t, "0.01"), luno.Time(b.clock.Now().Add(-time.Hour))
	const unknown, never = "ErrNotFound", "ErrUnderMaintenance"
	calls := map[string]officialCall{
		"GetTicker":        {everyone, "", call((*luno.Client).GetTicker, luno.GetTickerRequest{Pair: pair})},
		"GetTickers":       {everyone, "", call((*luno.Client).GetTickers, luno.GetTickersRequest{})},
		"Markets":          {everyone, "", call((*luno.Client).Markets, luno.MarketsRequest{})},
		"GetOrderBook":     {everyone, "", call((*luno.Client).GetOrderBook, luno.GetOrderBookRequest{Pair: pair})},
		"GetOrderBookFull": {everyone, "", call((*luno.Client).GetOrderBookFull, luno.GetOrderBookFullRequest{Pair: pair})},
		"ListTrades":       {everyone, "", call((*luno.Client).ListTrades, luno.ListTradesRequest{Pair: pair})},
		"GetCandles":       {0, "", call((*luno.Client).GetCandles, luno.GetCandlesRequest{Pair: pair, Duration: 60, Since: moment})},

		"GetBalances":             {lunosim.ReadBalance, "", call((*luno.Client).GetBalances, luno.GetBalancesRequest{})},
		"ListTransactions":        {lunosim.ReadTransactions, "", call((*luno.Client).ListTransactions, luno.ListTransactionsRequest{Id: account, MinRow: -100})},
		"ListPendingTransactions": {lunosim.ReadTransactions, "", call((*luno.Client).ListPendingTransactions, luno.ListPendingTransactionsRequest{Id: account})},
		"GetFeeInfo":              {lunosim.ReadOrders, "", call((*luno.Client).GetFeeInfo, luno.GetFeeInfoRequest{Pair: pair})},
		"ListTransfers":           {lunosim.ReadTransfers, "", call((*luno.Client).ListTransfers, luno.ListTransfersRequest{AccountId: account})},

		"PostLimitOrder":  {lunosim.WriteOrders, "", call((*luno.Client).PostLimitOrder, luno.PostLimitOrderRequest{Pair: pair, Type: luno.OrderTypeBid, Price: exact(t, "350000"), Volume: one})},
		"PostMarketOrder": {lunosim.WriteOrders, "", call((*luno.Client).PostMarketOrder, luno.PostMarketOrderRequest{Pair: pair, Type: luno.OrderTypeSell, BaseVolume: one})},
		"StopOrder":       {lunosim.WriteOrders, "ErrCannotStopUnknownOrNonPendingOrder", call((*luno.Client).StopOrder, luno.StopOrderRequest{OrderId: id})},
		"GetOrder":        {lunosim.ReadOrders, "", call((*luno.Client).GetOrder, luno.GetOrderRequest{Id: id})},
		"GetOrderV2":      {lunosim.ReadOrders, "", call((*luno.Client).GetOrderV2, luno.GetOrderV2Request{Id: id})},
		"GetOrderV3":      {lunosim.ReadOrders, "", call((*luno.Client).GetOrderV3, luno.GetOrderV3Request{ClientOrderId: "known"})},
		"ListOrders":      {lunosim.ReadOrders, "", call((*luno.Client).ListOrders, luno.ListOrdersRequest{})},
		"ListOrdersV2":    {lunosim.ReadOrders, "", call((*luno.Client).ListOrdersV2, luno.ListOrdersV2Request{})},
		"ListUserTrades":  {lunosim.ReadOrders, "", call((*luno.Client).ListUserTrades, luno.ListUserTradesRequest{Pair: pair})},

		"ListWithdrawals":   {lunosim.ReadWithdrawals, "", call((*luno.Client).ListWithdrawals, luno.ListWithdrawalsRequest{})},
		"ListBeneficiaries": {lunosim.ReadBeneficiaries, "", call((*luno.Client).ListBeneficiaries, luno.ListBeneficiariesRequest{})},
		"ListMoves":         {0, "", call((*luno.Client).ListMoves, luno.ListMovesRequest{})},
		"LinkedUsers":       {0, "", call((*luno.Client).LinkedUsers, luno.LinkedUsersRequest{})},
		"SendNetworks":      {0, "", call((*luno.Client).SendNetworks, luno.SendNetworksRequest{Currency: "XBT"})},
		"SendFee":           {0, unknown, call((*luno.Client).SendFee, luno.SendFeeRequest{Currency: "XBT"})},
		"GetWithdrawal":     {lunosim.ReadWithdrawals, unknown, call((*luno.Client).GetWithdrawal, luno.GetWithdrawalRequest{Id: 1})},
		"GetMove":           {0, unknown, call((*luno.Client).GetMove, luno.GetMoveRequest{Id: "1"})},
		"GetFundingAddress": {lunosim.ReadAddresses, unknown, call((*luno.Client).GetFundingAddress, luno.GetFundingAddressRequest{Asset: "XBT"})},

		"Send":                 {lunosim.WriteSend, never, call((*luno.Client).Send, luno.SendRequest{Amount: one, Currency: "XBT"})},
		"Validate":             {lunosim.WriteSend, never, call((*luno.Client).Validate, luno.ValidateRequest{Currency: "XBT"})},
		"CreateFundingAddress": {lunosim.WriteAddresses, never, call((*luno.Client).CreateFundingAddress, luno.CreateFundingAddressRequest{Asset: "XBT"})},
		"CreateWithdrawal":     {lunosim.WriteWithdrawals, never, call((*luno.Client).CreateWithdrawal, luno.CreateWithdrawalRequest{Amount: one})},
		"CancelWithdrawal":     {lunosim.WriteWithdrawals, never, call((*luno.Client).CancelWithdrawal, luno.CancelWithdrawalRequest{Id: 1})},
		"CreateBeneficiary":    {lunosim.WriteBeneficiaries, never, call((*luno.Client).CreateBeneficiary, luno.CreateBeneficiaryRequest{BankName: "Bank"})},
		"DeleteBeneficiary": {lunosim.WriteBeneficiaries, never, func(ctx context.Context, c *luno.Client) error {
			return c.DeleteBeneficiary(ctx, &luno.DeleteBeneficiaryRequest{Id: 1})
		}},
		"Move":              {0, never, call((*luno.Client).Move, luno.MoveRequest{Amount: one})},
		"Convert":           {0, never, call((*luno.Client).Convert, luno.ConvertRequest{Amount: one})},
		"CreateAccount":     {lunosim.WriteAddresses, never, call((*luno.Client).CreateAccount, luno.CreateAccountRequest{Currency: "XBT"})},
		"UpdateAccountName": {lunosim.WriteAddresses, never, call((*luno.Client).UpdateAccountName, luno.UpdateAccountNameRequest{Id: account, Name: "x"})},
	}
	client := reflect.TypeFor[*luno.Client]()
	for i := range client.NumMethod() {
		if m := client.Method(i); !strings.HasPrefix(m.Name, "Set") && calls[m.Name].do == nil {
			t.Errorf("call %s of Luno's client is not made here", m.Name)
		}
	}
	keys := b.Keys()
	moves := int64(0)
	for name, c := range calls {
		for kind, key := range map[string]lunosim.Key{"no": {}, "the trading": keys[0], "the reading": keys[1], "the withdrawing": keys[2]} {
			want := c.code
			switch {
			case c.needs == everyone:
			case key.ID == "":
				want = "ErrUnauthorised"
			case c.needs&^key.Permissions != 0:
				want = "ErrInsufficientPerms"
			}
			if want == never {
				moves++
			}
			told(t, name+" with "+kind+" key", c.do(t.Context(), b.official(t, key)), want)
		}
	}
	if b.Moves() != moves {
		t.Errorf("%d calls that move money were counted, want %d", b.Moves(), moves)
	}
}

func TestOfficialClientReadsMarkets(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c, ctx, now := b.official(t, b.Keys()[0]), t.Context(), b.clock.Now()
	b.bob.limit(t, "ASK", "400000", "0.5")
	b.bob.limit(t, "ASK", "400000", "0.25")
	b.bob.limit(t, "ASK", "410000", "0.1")
	b.bob.limit(t, "BID", "390000", "0.3")
	b.ann.limit(t, "BID", "400000", "0.2")
	ticker, err := c.GetTicker(ctx, &luno.GetTickerRequest{Pair: "XBTMYR"})
	if err != nil || ticker.Pair != "XBTMYR" || ticker.Status != luno.StatusActive || !time.Time(ticker.Timestamp).Equal(now) {
		t.Fatalf("ticker %+v %v", ticker, err)
	}
	same(t, "bid", ticker.Bid, "390000")
	same(t, "ask", ticker.Ask, "400000")
	same(t, "last trade", ticker.LastTrade, "400000")
	same(t, "volume", ticker.Rolling24HourVolume, "0.2")
	quiet, err := c.GetTicker(ctx, &luno.GetTickerRequest{Pair: "ETHMYR"})
	if err != nil || quiet.Bid.Sign() != 0 || quiet.Ask.Sign() != 0 {
		t.Errorf("ticker of an empty book %+v %v", quiet, err)
	}
	for want, pairs := range map[int][]string{7: nil, 2: {"XBTMYR", "ETHXBT"}, 0: {"NOPE"}} {
		tickers, err := c.GetTickers(ctx, &luno.GetTickersRequest{Pair: pairs})
		if err != nil || len(tickers.Tickers) != want {
			t.Errorf("tickers of %v: %+v %v", pairs, tickers, err)
		}
	}
	markets, err := c.Markets(ctx, &luno.MarketsRequest{Pair: []string{"AAVEMYR"}})
	if err != nil || len(markets.Markets) != 1 {
		t.Fatalf("markets %+v %v", markets, err)
	}
	if m := markets.Markets[0]; m.MarketId != "AAVEMYR" || m.BaseCurrency != "AAVE" || m.CounterCurrency != "MYR" || m.PriceScale != 2 || m.VolumeScale != 4 ||
		m.FeeScale != 8 || m.TradingStatus != luno.TradingStatusActive {
		t.Errorf("market %+v", m)
	} else {
		same(t, "least volume", m.MinVolume, "0.01")
		same(t, "highest price", m.MaxPrice, "100000")
	}
	book, err := c.GetOrderBook(ctx, &luno.GetOrderBookRequest{Pair: "XBTMYR"})
	if err != nil || len(book.Asks) != 2 || len(book.Bids) != 1 || book.Timestamp != now.UnixMilli() {
		t.Fatalf("book %+v %v", book, err)
	}
	same(t, "best ask", book.Asks[0].Price, "400000")
	same(t, "its volume", book.Asks[0].Volume, "0.55")
	same(t, "second ask", book.Asks[1].Price, "410000")
	whole, err := c.GetOrderBookFull(ctx, &luno.GetOrderBookFullRequest{Pair: "XBTMYR"})
	if err != nil || len(whole.Asks) != 3 || len(whole.Bids) != 1 {
		t.Fatalf("whole book %+v %v", whole, err)
	}
	same(t, "first ask's rest", whole.Asks[0].Volume, "0.3")
	b.clock.Advance(time.Minute)
	b.ann.limit(t, "ASK", "390000", "0.1")
	trades, err := c.ListTrades(ctx, &luno.ListTradesRequest{Pair: "XBTMYR"})
	if err != nil || len(trades.Trades) != 2 || trades.Trades[0].Sequence != 2 || trades.Trades[0].IsBuy || !trades.Trades[1].IsBuy {
		t.Fatalf("trades %+v %v", trades, err)
	}
	same(t, "newest price", trades.Trades[0].Price, "390000")
	if since, err := c.ListTrades(ctx, &luno.ListTradesRequest{Pair: "XBTMYR", Since: luno.Time(b.clock.Now())}); err != nil || len(since.Trades) != 1 {
		t.Errorf("trades since %+v %v", since, err)
	}
	candles, err := c.GetCandles(ctx, &luno.GetCandlesRequest{Pair: "XBTMYR", Duration: 60, Since: luno.Time(now.Truncate(time.Minute))})
	if err != nil || candles.Pair != "XBTMYR" || candles.Duration != 60 || len(candles.Candles) != 2 || !time.Time(candles.Candles[0].Timestamp).Equal(now.Truncate(time.Minute)) {
		t.Fatalf("candles %+v %v", candles, err)
	}
	same(t, "close", candles.Candles[0].Close, "400000")
	same(t, "low", candles.Candles[1].Low, "390000")
	same(t, "volume of a minute", candles.Candles[1].Volume, "0.1")
	_, err = c.GetTicker(ctx, &luno.GetTickerRequest{Pair: "NOPE"})
	told(t, "an unknown pair", err, "ErrMarketUnavailable")
	_, err = c.GetCandles(ctx, &luno.GetCandlesRequest{Pair: "XBTMYR", Duration: 7, Since: luno.Time(now)})
	told(t, "a duration that is none", err, "ErrInvalidParameters")
}

func TestOfficialClientReadsAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c, ctx := b.official(t, b.Keys()[1]), t.Context()
	b.bob.limit(t, "ASK", "400000", "0.5")
	id := b.ann.limit(t, "BID", "400000", "0.2")
	b.ann.limit(t, "BID", "300000", "0.1")
	balances, err := c.GetBalances(ctx, &luno.GetBalancesRequest{Assets: []string{"XBT", "MYR"}})
	if err != nil || len(balances.Balance) != 2 {
		t.Fatalf("balances %+v %v", balances, err)
	}
	accounts := map[string]int64{}
	for _, x := range balances.Balance {
		if accounts[x.Asset], err = strconv.ParseInt(x.AccountId, 10, 64); err != nil {
			t.Error(err)
		}
		want := map[string][2]string{"XBT": {"100.2", "0"}, "MYR": {"919920", "30030"}}[x.Asset] // 0.1 % of fee are kept back
		same(t, "balance in "+x.Asset, x.Balance, want[0])
		same(t, "reserved in "+x.Asset, x.Reserved, want[1])
		same(t, "unconfirmed", x.Unconfirmed, "0")
	}
	if all, err := c.GetBalances(ctx, &luno.GetBalancesRequest{}); err != nil || len(all.Balance) != 8 {
		t.Errorf("all balances %+v %v", all, err)
	}
	rows, err := c.ListTransactions(ctx, &luno.ListTransactionsRequest{Id: accounts["XBT"], MinRow: 1, MaxRow: 1000})
	if err != nil || rows.Id != strconv.FormatInt(accounts["XBT"], 10) || len(rows.Transactions) != 2 {
		t.Fatalf("transactions %+v %v", rows, err)
	}
	bought := rows.Transactions[0] // the newest first
	if bought.RowIndex != 2 || bought.Kind != luno.KindExchange || bought.Currency != "XBT" || bought.Reference != id || bought.DetailFields.TradeDetails.Pair != "XBTMYR" ||
		!time.Time(bought.Timestamp).Equal(b.clock.Now()) {
		t.Errorf("row %+v", bought)
	}
	same(t, "what it moved", bought.BalanceDelta, "0.2")
	same(t, "balance after it", bought.Balance, "100.2")
	if rows.Transactions[1].Kind != luno.KindTransfer {
		t.Errorf("row %+v", rows.Transactions[1])
	}
	pending, err := c.ListPendingTransactions(ctx, &luno.ListPendingTransactionsRequest{Id: accounts["XBT"]})
	if err != nil || len(pending.Pending) != 0 || pending.Currency != "XBT" {
		t.Errorf("pending %+v %v", pending, err)
	}
	transfers, err := c.ListTransfers(ctx, &luno.ListTransfersRequest{AccountId: accounts["MYR"]})
	if err != nil || len(transfers.Transfers) != 1 || !transfers.Transfers[0].Inbound {
		t.Fatalf("transfers %+v %v", transfers, err)
	}
	same(t, "transfer", transfers.Transfers[0].Amount, "1000000")
	fees, err := c.GetFeeInfo(ctx, &luno.GetFeeInfoRequest{Pair: "XBTMYR"})
	if err != nil || fees.TakerFeeBuy != "0.00100000" || fees.MakerFeeSell != "0.00000000" || fees.ThirtyDayVolume != "80000" ||
		fees.TakerFee != fees.TakerFeeBuy { //nolint:staticcheck // deprecated, and told all the same
		t.Errorf("fees %+v %v", fees, err)
	}
	_, err = c.ListTransactions(ctx, &luno.ListTransactionsRequest{Id: 17, MinRow: 1, MaxRow: 2})
	told(t, "another's account", err, "ErrAccountNotFound")
	_, err = b.official(t, lunosim.Key{ID: b.Keys()[0].ID, Secret: "wrong"}).GetBalances(ctx, &luno.GetBalancesRequest{})
	told(t, "a wrong secret", err, "ErrUnauthorised")
	b.fault(t, lunosim.Fault{Kind: lunosim.RevokedKey, Key: b.Keys()[1].ID})
	_, err = c.GetBalances(ctx, &luno.GetBalancesRequest{})
	told(t, "a revoked key", err, "ErrApiKeyRevoked")
}

// Too many calls are told as Luno's client knows them, by the status and not by a code;
// the limit is the account's, and what is refused does not count.
func TestOfficialClientAtTheLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) { c.Limit = 3 })
	ask := func(k lunosim.Key) string {
		_, err := b.official(t, k).GetBalances(t.Context(), &luno.GetBalancesRequest{})
		if err == nil {
			return ""
		}
		return err.Error()
	}
	keys := b.Keys()
	for i := range 5 {
		want := ""
		if i >= 3 {
			want = "luno: too many requests"
		}
		if got := ask(keys[i%2]); got != want {
			t.Errorf("call %d: %q, want %q", i+1, got, want)
		}
	}
	if got := ask(keys[3]); got != "" {
		t.Errorf("another account: %s", got)
	}
	b.clock.Advance(time.Minute)
	if got := ask(keys[0]); got != "" {
		t.Errorf("a minute later: %s", got)
	}
}
