package luno_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/luno"
)

// However a secret, its Config or its client is written, the secret is not there.
func TestSecret(t *testing.T) {
	t.Parallel()
	cfg := luno.Config{KeyID: keyID, Secret: secret}
	c, err := luno.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T", "%U"} {
		for _, x := range []any{cfg.Secret, cfg, &cfg, c, *c, []luno.Secret{secret}, map[luno.Secret]int{secret: 1}, struct{ S luno.Secret }{secret}} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
	}
	text := slog.New(slog.NewTextHandler(&out, nil))
	text.Info("x", "secret", cfg.Secret, "config", fmt.Sprint(cfg), "client", c)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", cfg.Secret, "in", struct{ S luno.Secret }{secret})
	if err := json.NewEncoder(&out).Encode(map[string]any{"a": cfg.Secret, "b": []luno.Secret{secret}, "c": struct{ S luno.Secret }{secret}}); err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{secret, fmt.Sprintf("%x", secret), strings.ToUpper(fmt.Sprintf("%x", secret))} {
		if i := strings.Index(out.String(), hidden); i >= 0 {
			t.Errorf("the secret is written: …%s", out.String()[max(0, i-80):i+len(hidden)])
		}
	}
	if !strings.Contains(out.String(), "***") {
		t.Error("nothing is written")
	}
}

// Not even a server that repeats the secret gets it into an error or a log.
func TestSecretRepeated(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := openDesk(f)
	var log bytes.Buffer
	cfg := config(f, &pauses{})
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	c, err := luno.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Markets(t.Context()); err != nil {
		t.Fatal(err)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(keyID + ":" + secret))
	for _, body := range []string{
		`{"error":"%s","error_code":"%s"}`, `{"code":"%s","message":"%s"}`, `{"order_id":"%s","success":"%s"}`, `{"balance":[{"balance":"%s","account_id":"%s"}]}`,
		`{"order_id":"%s","pair":"%s"}`, `%s%s`, `{"trades":[{"order_id":"%s","price":"1","volume":"1","type":"%s"}]}`, `{"maker_fee":"%s","taker_fee":"%s"}`,
	} {
		for _, status := range []int{200, 400, 409, 429, 503} {
			for _, word := range []string{secret, basic} {
				answer := func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(status)
					fmt.Fprintf(w, body, word, word)
				}
				d.answer = answer
				for _, path := range []string{"/api/1/balance", "/api/1/listtrades", "/api/exchange/3/order", "/api/1/fee_info", "/api/1/ticker"} {
					f.routes[path] = answer
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				_, errPlace := c.Place(ctx, bid())
				_, errBalance := c.Balances(ctx)
				_, errFills := c.Fills(ctx, "XBTMYR", 0, 1)
				_, errOrder := c.Order(ctx, "XBTMYR", "x")
				_, errFees := c.Fees(ctx, "XBTMYR")
				_, errTicker := c.Ticker(ctx, "XBTMYR")
				for _, err := range []error{errPlace, errBalance, errFills, errOrder, errFees, errTicker, c.Cancel(ctx, "XBTMYR", "BX1")} {
					if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, secret) || strings.Contains(text, basic) {
						t.Errorf("%d %s: %s", status, body, text)
					}
				}
				cancel()
			}
		}
	}
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), basic) || log.Len() == 0 {
		t.Errorf("the log has it: %s", log.String())
	}
}
