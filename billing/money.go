package billing

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Money is an amount in the minor unit of a currency: 2999 USD is 29.99
// dollars, 500 JPY is 500 yen. The zero value is nothing, in no currency.
type Money struct {
	// Minor is the amount in the currency's minor unit; negative is a credit.
	Minor int64
	// Currency is the ISO 4217 code, in capitals.
	Currency string
}

// ErrCurrency is the error of adding amounts of different currencies.
var ErrCurrency = errors.New("amounts of different currencies cannot be added")

// ErrOverflow is the error of an amount beyond 64 bits.
var ErrOverflow = errors.New("the amount is too large")

// decimals returns how many decimals the currency has by ISO 4217.
func decimals(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}

func isCurrency(s string) bool {
	if len(s) != 3 {
		return false
	}
	for _, r := range s {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return true
}

// ParseMoney reads "29.99 USD" or "500 JPY". An amount with more decimals than
// its currency has is refused, never rounded.
func ParseMoney(s string) (Money, error) {
	amount, currency, ok := strings.Cut(strings.TrimSpace(s), " ")
	if !ok {
		return Money{}, fmt.Errorf("%q is not an amount and a currency, such as 29.99 USD", s)
	}
	return parseMoney(amount, strings.TrimSpace(currency))
}

func parseMoney(amount, currency string) (Money, error) {
	if !isCurrency(currency) {
		return Money{}, fmt.Errorf("%q is not a currency of three capital letters", currency)
	}
	whole, fraction, point := strings.Cut(amount, ".")
	digits := decimals(currency)
	if point && fraction == "" || len(fraction) > digits {
		return Money{}, fmt.Errorf("%q is not an amount of %s, which has %d decimals", amount, currency, digits)
	}
	unsigned := strings.TrimPrefix(whole, "-")
	if unsigned == "" || strings.Trim(unsigned+fraction, "0123456789") != "" {
		return Money{}, fmt.Errorf("%q is not a decimal number", amount)
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil {
		return Money{}, fmt.Errorf("%q: %w", amount, ErrOverflow)
	}
	return Money{Minor: minor, Currency: currency}, nil
}

// Amount returns the amount without its currency, such as "29.99".
func (m Money) Amount() string {
	digits := decimals(m.Currency)
	s, sign := strconv.FormatInt(m.Minor, 10), ""
	if m.Minor < 0 {
		s, sign = s[1:], "-"
	}
	if digits == 0 {
		return sign + s
	}
	if len(s) <= digits {
		s = strings.Repeat("0", digits+1-len(s)) + s
	}
	return sign + s[:len(s)-digits] + "." + s[len(s)-digits:]
}

// String returns the amount and its currency, such as "29.99 USD".
func (m Money) String() string { return m.Amount() + " " + m.Currency }

// IsZero reports whether the amount is nothing, in whatever currency.
func (m Money) IsZero() bool { return m.Minor == 0 }

// Neg returns the amount with its sign turned.
func (m Money) Neg() Money { return Money{Minor: -m.Minor, Currency: m.Currency} }

// Add returns the sum. Nothing in no currency adds to every currency; else the
// error is ErrCurrency or ErrOverflow.
func (m Money) Add(o Money) (Money, error) {
	switch {
	case m == Money{}:
		return o, nil
	case o == Money{}:
		return m, nil
	case m.Currency != o.Currency:
		return Money{}, fmt.Errorf("%s and %s: %w", m, o, ErrCurrency)
	}
	sum := m.Minor + o.Minor
	if (sum > m.Minor) != (o.Minor > 0) && o.Minor != 0 {
		return Money{}, fmt.Errorf("%s and %s: %w", m, o, ErrOverflow)
	}
	return Money{Minor: sum, Currency: m.Currency}, nil
}

// Part returns m × numerator ÷ denominator, rounded half away from zero to the
// minor unit. The denominator must be positive and the numerator between 0 and
// it, so that the part is never larger than the whole.
func (m Money) Part(numerator, denominator int64) Money {
	product := new(big.Int).Mul(big.NewInt(m.Minor), big.NewInt(numerator))
	negative := product.Sign() < 0
	product.Abs(product)
	// (2a + b) / 2b, rounded down, is a/b rounded half up.
	den := big.NewInt(denominator)
	product.Lsh(product, 1).Add(product, den).Quo(product, den.Lsh(den, 1))
	part := product.Int64()
	if negative {
		part = -part
	}
	return Money{Minor: part, Currency: m.Currency}
}

// moneyJSON is the form in JSON: decimals are strings.
type moneyJSON struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// MarshalJSON writes {"amount":"29.99","currency":"USD"}.
func (m Money) MarshalJSON() ([]byte, error) {
	return json.Marshal(moneyJSON{Amount: m.Amount(), Currency: m.Currency})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Money) UnmarshalJSON(raw []byte) error {
	var j moneyJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	v, err := parseMoney(j.Amount, j.Currency)
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// UnmarshalYAML reads a scalar such as 29.99 USD.
func (m *Money) UnmarshalYAML(node *yaml.Node) error {
	v, err := ParseMoney(node.Value)
	if err != nil || node.Kind != yaml.ScalarNode {
		return atLine(node, "price must be an amount and a currency such as 29.99 USD, with no more decimals than the currency has")
	}
	*m = v
	return nil
}

// atLine is an error that the YAML decoder collects with those that it finds
// itself.
func atLine(node *yaml.Node, problem string) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s", node.Line, problem)}}
}
