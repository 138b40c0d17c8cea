package lunostream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/luno/lunostream"
)

// Every message is understood in its documented shape. // proves M1
func TestDocumentedShapes(t *testing.T) {
	t.Parallel()
	zar := market(t)
	zar.Pair, zar.Counter, zar.Tick = "XBTZAR", "ZAR", decimal.New(1, 0)
	d := lunostream.NewDecoder(zar)
	update := func(message []byte) (any, error) {
		u, err := d.Update(message)
		if err != nil {
			return nil, err
		}
		text := fmt.Sprintf("%d %d", u.Sequence, u.Time)
		for _, k := range u.Trades {
			text += fmt.Sprintf(" trade %d of %d with %s", k.Sequence, k.Volume, k.Maker)
		}
		if u.Create.Side != 0 {
			text += fmt.Sprintf(" %s %s %d at %d", u.Create.ID, u.Create.Side, u.Create.Volume, u.Create.Price)
		}
		return fmt.Sprintf("%s, deletes %q, status %q", text, u.Delete, u.Status), nil
	}
	own := func(message []byte) (any, error) { return lunostream.DecodeOwn(message) }
	for name, test := range map[string]struct {
		read func([]byte) (any, error)
		want string
	}{
		"stream_snapshot": {func(message []byte) (any, error) {
			s, err := d.Snapshot(message)
			if err != nil || len(s.Orders) != 2 {
				return s, errors.Join(err, errors.New("not two orders"))
			}
			ask, bid := s.Orders[0], s.Orders[1]
			return fmt.Sprintf("%d %s %d: %s %d at %d, %s %d at %d", s.Sequence, s.Status, s.Time, ask.Side, ask.Volume, ask.Price, bid.Side, bid.Volume, bid.Price), nil
		}, "74538167 ACTIVE 1790127197639: sell 21775 at 1407088, buy 500000 at 1407000"},
		"stream_trade":   {update, `74538168 1790127197639 trade 33279896 of 399 with BXMC2CJ7HNB88U4 BXNEW2CJ7HNB88U buy 21775 at 1407088, deletes "", status ""`},
		"stream_nothing": {update, `74538169 1790127197639, deletes "", status ""`},
		"stream_delete":  {update, `74538170 1790127197639, deletes "BXNEW2CJ7HNB88U", status ""`},
		"stream_status":  {update, `74538171 1790127197639, deletes "", status "POSTONLY"`},
		"stream_refusal": {func(message []byte) (any, error) {
			_, err := d.Snapshot(message)
			var refused *lunostream.RefusedError
			if !errors.As(err, &refused) {
				return nil, err
			}
			return refused.Code + " " + refused.Text, nil
		}, "invalid_market NOPE"},
		"userstream_order_status": {own, "{Time:1790127197639 Kind:1 Order:BXMC2CJ7HNB88U4 Client:i1-b2-e3-c4 Pair:XBTZAR Status:2 Base:0 Counter:0 " +
			"BaseFee:0 CounterFee:0 Account: Row:0 Balance:0 Available:0}"},
		"userstream_order_fill": {own, "{Time:1790127197639 Kind:2 Order:BXMC2CJ7HNB88U4 Client:i1-b2-e3-c4 Pair:XBTZAR Status:0 Base:0.25 Counter:351772 " +
			"BaseFee:0 CounterFee:351.772 Account: Row:0 Balance:0 Available:0}"},
		"userstream_balance_update": {own, "{Time:1790127197639 Kind:3 Order: Client: Pair: Status:0 Base:0 Counter:0 BaseFee:0 CounterFee:0 " +
			"Account:9223372036854775807 Row:12 Balance:1.5 Available:1.25}"},
	} {
		var file struct{ Answer json.RawMessage }
		text, err := os.ReadFile(filepath.Join("..", "testdata", "documented", name+".json"))
		if err == nil {
			err = json.Unmarshal(text, &file)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := test.read(file.Answer)
		if err != nil || fmt.Sprintf("%+v", got) != test.want {
			t.Errorf("%s: %v\n got %+v\nwant %s", name, err, got, test.want)
		}
	}
}
