package param_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/strategy/param"
)

type kind string

// params has a field of every type and a rule of every sort.
type params struct {
	Fast    int             `param:"fast" label:"Fast average" help:"Length of the fast average." unit:"candles" group:"Averages" validate:"min=1,max=500,ltfield=Slow"`
	Slow    int             `param:"slow" label:"Slow average" unit:"candles" group:"Averages" validate:"gt=1,lte=1000"`
	Kind    kind            `param:"kind" label:"Average" validate:"oneof=sma ema" options:"sma=Simple,ema=Exponential"`
	Level   uint8           `param:"level" validate:"oneof=10 20 200"`
	Small   int8            `param:"small"`
	Big     uint64          `param:"big"`
	Factor  float64         `param:"factor" step:"0.5" validate:"gt=0,lt=10,ne=5"`
	Share   decimal.Decimal `param:"share" label:"Share" validate:"omitempty,min=0.05,lte=1"`
	Cap     decimal.Decimal `param:"cap" label:"Cap" validate:"gtefield=Share"`
	Wait    time.Duration   `param:"wait" label:"Wait" validate:"min=1m,max=24h,ltefield=Timeout"`
	Timeout time.Duration   `param:"timeout" label:"Time-out"`
	Tag     string          `param:"tag" label:"Tag" validate:"omitempty,min=3,max=8,alphanum,nefield=Other"`
	Other   string          `param:"other" label:"Other tag" validate:"required"`
	Trail   bool            `param:"trail" label:"Trailing"`
	Ignored []int           `param:"-"`
	hidden  int
}

func defaults() params {
	return params{
		Fast: 10, Slow: 30, Kind: "sma", Level: 10, Factor: 1.5, Share: decimal.RequireFromString("0.25"),
		Cap: decimal.RequireFromString("2"), Wait: 15 * time.Minute, Timeout: 4 * time.Hour, Other: "x",
	}
}

func schemaOf(t testing.TB, v any) *param.Schema {
	t.Helper()
	s, err := param.Of(v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// overWire returns the schema as a reader of its JSON has it.
func overWire(t testing.TB, s *param.Schema) *param.Schema {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var received param.Schema
	if err := json.Unmarshal(raw, &received); err != nil {
		t.Fatal(err)
	}
	return &received
}

func TestValidate(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ in, want string }{
		"the rule across fields":       {`{"fast":30}`, "fast must be below Slow average (30)"},
		"across fields, both given":    {`{"fast":7,"slow":7}`, "fast must be below Slow average (7)"},
		"minimum":                      {`{"fast":0}`, "fast must be at least 1"},
		"maximum":                      {`{"fast":501,"slow":900}`, "fast must be at most 500"},
		"exclusive minimum":            {`{"slow":1,"fast":1}`, "slow must be above 1"},
		"a broken other is one fault":  {`{"slow":1001,"fast":2000}`, "fast must be at most 500; slow must be at most 1000"},
		"a fraction":                   {`{"fast":1.5}`, "fast must be a whole number"},
		"a whole fraction":             {`{"fast":11.0}`, ""},
		"a power":                      {`{"fast":1e1}`, ""},
		"a huge power":                 {`{"fast":1e999}`, "fast is too large a number"},
		"a power without end":          {`{"fast":1e999999999}`, "fast has too large an exponent"},
		"over 64 bits":                 {`{"fast":9223372036854775808}`, "fast is too large a number"},
		"over 8 bits":                  {`{"small":128}`, "small must be at most 127"},
		"under 8 bits":                 {`{"small":-129}`, "small must be at least -128"},
		"negative unsigned":            {`{"big":-1}`, "big must be at least 0"},
		"text for a number":            {`{"fast":"10"}`, "fast must be a whole number"},
		"null":                         {`{"fast":null}`, "fast must not be null"},
		"an option":                    {`{"kind":"ema"}`, ""},
		"no option":                    {`{"kind":"wma"}`, "kind must be one of sma, ema"},
		"a number's option":            {`{"level":200}`, ""},
		"no number's option":           {`{"level":30}`, "level must be one of 10, 20, 200"},
		"a float's bound":              {`{"factor":10}`, "factor must be below 10"},
		"a float's exception":          {`{"factor":5}`, "factor must not be 5"},
		"a float's overflow":           {`{"factor":1e400}`, "factor is too large a number"},
		"a decimal as a number":        {`{"share":0.5}`, ""},
		"a decimal below":              {`{"share":"0.0499999999999999999999999"}`, "share must be at least 0.05"},
		"a decimal's omitted zero":     {`{"share":"0.00"}`, ""},
		"a decimal across":             {`{"share":"0.5","cap":"0.4999999999999999999999"}`, "cap must be at least Share (0.5)"},
		"a decimal with a word":        {`{"share":"half"}`, "share must be a number such as 0.25"},
		"a decimal with an exponent":   {`{"cap":"1e35"}`, ""},
		"a decimal too large":          {`{"cap":"1e36"}`, "cap is too large a number"},
		"a decimal too fine":           {`{"cap":"1e-40"}`, "cap has too many decimals"},
		"a duration":                   {`{"wait":"90s"}`, ""},
		"a duration as a number":       {`{"wait":90}`, "wait must be a time span such as 90s, 15m or 4h"},
		"a short duration":             {`{"wait":"59s"}`, "wait must be at least 1m"},
		"a duration across":            {`{"wait":"5h"}`, "wait must be at most Time-out (4h)"},
		"an omitted text":              {`{"tag":""}`, ""},
		"a short text":                 {`{"tag":"é1"}`, "tag must be at least 3 characters long"},
		"a long text":                  {`{"tag":"123456789"}`, "tag must be at most 8 characters long"},
		"a text with a space":          {`{"tag":"a b c"}`, "tag may hold letters and digits only"},
		"equal texts":                  {`{"tag":"abc","other":"abc"}`, "tag must not be Other tag (abc)"},
		"an empty text":                {`{"other":""}`, "other must not be empty"},
		"a text of two lines":          {`{"other":"a\nb"}`, "other must be one line of text without control characters"},
		"a text without end":           {`{"other":"` + strings.Repeat("a", 4097) + `"}`, "other is too long"},
		"a bool as a number":           {`{"trail":1}`, "trail must be true or false"},
		"unknown names are last":       {`{"zoo":1,"abc":null,"fast":0}`, "fast must be at least 1; abc is not a parameter here; zoo is not a parameter here"},
		"a repeated name":              {`{"fast":1,"fast":2}`, "fast is given twice"},
		"names are exact":              {`{"Fast":1}`, "Fast is not a parameter here"},
		"nothing at all":               {``, ""},
		"an empty object":              {` {} `, ""},
		"null as a whole":              {`null`, "the parameters must be one JSON object"},
		"an array":                     {`[]`, "the parameters must be one JSON object"},
		"two objects":                  {`{}{}`, "the parameters must be one JSON object"},
		"half an object":               {`{"fast":1`, "the parameters must be one JSON object"},
		"all faults in field order":    {`{"trail":0,"kind":"","fast":-1}`, "fast must be at least 1; kind must be one of sma, ema; trail must be true or false"},
		"a value that is no JSON text": {`{"fast":{}}`, "fast must be a whole number"},
	}
	s := schemaOf(t, defaults())
	received := overWire(t, s)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			into := params{Fast: -7}
			_, onWire := received.Validate(json.RawMessage(c.in))
			for _, err := range []error{s.Decode(json.RawMessage(c.in), &into), onWire} {
				var faults param.Errors
				switch {
				case c.want == "" && err != nil:
					t.Errorf("unexpected: %v", err)
				case c.want != "" && !errors.As(err, &faults):
					t.Errorf("got %v, want %q", err, c.want)
				case c.want != "" && faults.Error() != c.want:
					t.Errorf("got  %q\nwant %q", faults.Error(), c.want)
				}
			}
			if c.want != "" && into.Fast != -7 {
				t.Error("a refused decoding changed the struct")
			}
		})
	}
}

func TestValidateNormalises(t *testing.T) {
	t.Parallel()
	got, err := overWire(t, schemaOf(t, defaults())).Validate(
		json.RawMessage(`{"wait":"90m0s", "share":0.5000, "fast": 2e1, "factor":1.50, "trail":true}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"fast":20,"slow":30,"kind":"sma","level":10,"small":0,"big":0,"factor":1.5,"share":"0.5","cap":"2",` +
		`"wait":"1h30m","timeout":"4h","tag":"","other":"x","trail":true}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDecodeSetsEveryField(t *testing.T) {
	t.Parallel()
	s := schemaOf(t, defaults())
	p := params{Ignored: []int{1}, hidden: 3}
	err := s.Decode(json.RawMessage(`{"fast":2,"slow":4,"kind":"ema","level":20,"small":-128,"big":9223372036854775807,
		"factor":0.1,"share":"0.123456789012345678901","cap":"1","wait":"1m","timeout":"2m","tag":"abc","other":"y","trail":true}`), &p)
	if err != nil {
		t.Fatal(err)
	}
	if p.Fast != 2 || p.Slow != 4 || p.Kind != "ema" || p.Level != 20 || p.Small != -128 || p.Big != 1<<63-1 || p.Factor != 0.1 ||
		p.Share.String() != "0.123456789012345678901" || p.Wait != time.Minute || p.Timeout != 2*time.Minute ||
		p.Tag != "abc" || p.Other != "y" || !p.Trail || len(p.Ignored) != 1 || p.hidden != 3 {
		t.Errorf("got %+v", p)
	}
	var other struct {
		Fast string `param:"fast"`
	}
	for name, target := range map[string]any{"by value": p, "nil": (*params)(nil), "another struct": &other} {
		if err := s.Decode(nil, target); err == nil {
			t.Errorf("%s: decoded without an error", name)
		}
	}
}

func TestOfNamesEveryBadTag(t *testing.T) {
	t.Parallel()
	_, err := param.Of(struct {
		NoTag   int
		Upper   int           `param:"Upper"`
		Rule    int           `param:"rule" validate:"required_if=X 1"`
		File    string        `param:"file" validate:"file"`
		Bound   int           `param:"bound" validate:"min=one"`
		Cross   int           `param:"cross" validate:"ltfield=Nowhere"`
		Types   int           `param:"types" validate:"ltfield=Wide"`
		Wide    float64       `param:"wide"`
		List    []int         `param:"list"`
		Narrow  float32       `param:"narrow"`
		Twice   int           `param:"twice"`
		Again   int           `param:"twice"`
		Quote   string        `param:"quote" validate:"oneof=a|b c"`
		Label   string        `param:"label" validate:"oneof=a b" options:"c=See"`
		Grid    float64       `param:"grid" step:"-1"`
		Length  string        `param:"length" validate:"min=1m"`
		Late    time.Duration `param:"late" validate:"min=5"`
		Stop    float64       `param:"stop" bound:"stoploss"`
		private int           `param:"private"`
	}{Quote: "c", Label: "a"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"field NoTag: it has no param tag", `parameter "Upper": the name must`, `has no rule "required_if"`, `has no rule "file"`,
		`rule min: "one" must be a whole number`, `no parameter field "Nowhere"`, `"wide" is of type float and not int`,
		"a []int cannot be a parameter", "a float32 cannot be a parameter", `"twice": there are two`, `option "a|b" must be`,
		`tag options names "c"`, `step "-1" must be`, `rule min: "1m" must be a number of characters`, `rule min: "5" must be a time span`,
		"field private: it must be exported", `parameter "stop": the bound "stoploss" is neither stop_loss nor take_profit`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in\n%v", want, err)
		}
	}
}

func TestOfChecksTheDefaults(t *testing.T) {
	t.Parallel()
	bad := defaults()
	bad.Fast, bad.Kind, bad.Cap = 30, "", decimal.Zero
	_, err := param.Of(bad)
	for _, want := range []string{"must be below Slow average (30)", "must be one of sma, ema", "must be at least Share (0.25)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in %v", want, err)
		}
	}
	if _, err := param.Of(7); err == nil {
		t.Error("a number was accepted")
	}
}

func TestReceivedSchemaIsChecked(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"a bound that is none":  `{"name":"a","type":"float","default":1,"bound":"trailing"}`,
		"a rule that panics":    `{"name":"a","type":"int","default":1,"rules":[{"name":"min","value":"x"}]}`,
		"a rule on files":       `{"name":"a","type":"text","default":"x","rules":[{"name":"file"}]}`,
		"a rule in a value":     `{"name":"a","type":"text","default":"x","rules":[{"name":"min","value":"1,file"}]}`,
		"a rule in an option":   `{"name":"a","type":"enum","default":"x","options":[{"value":"x'|file|'"}]}`,
		"a field that is not":   `{"name":"a","type":"int","default":1,"rules":[{"name":"ltfield","field":"b"}]}`,
		"a field as a value":    `{"name":"a","type":"int","default":1,"rules":[{"name":"ltfield","value":"A"}]}`,
		"no type":               `{"name":"a","default":1}`,
		"no default":            `{"name":"a","type":"int"}`,
		"a wrong default":       `{"name":"a","type":"int","default":0,"rules":[{"name":"min","value":"1"}]}`,
		"a name with a quote":   `{"name":"a\"","type":"int","default":1}`,
		"an enum of nothing":    `{"name":"a","type":"enum","default":"x"}`,
		"omitempty that is not": `{"name":"a","type":"int","default":1,"rules":[{"name":"min","value":"1"},{"name":"omitempty"}]}`,
	}
	for name, field := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s param.Schema
			if err := json.Unmarshal([]byte(`{"fields":[`+field+`]}`), &s); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestFieldsHoldWhatAFormNeeds(t *testing.T) {
	t.Parallel()
	s := overWire(t, schemaOf(t, defaults()))
	field := func(name string) param.Field {
		f, ok := s.Field(name)
		if !ok {
			t.Fatalf("no field %s", name)
		}
		return f
	}
	if f := field("fast"); f.Input != "number" || f.Min != "1" || f.Max != "500" || f.Step != "1" || f.DefaultText() != "10" ||
		f.Label != "Fast average" || f.Unit != "candles" || f.Group != "Averages" || f.Help == "" {
		t.Errorf("fast: %+v", f)
	}
	if f := field("slow"); f.Min != "2" || f.Max != "1000" {
		t.Errorf("an exclusive bound of a whole number: %+v", f)
	}
	if f := field("factor"); f.Min != "" || f.Step != "0.5" {
		t.Errorf("an exclusive bound of a fraction: %+v", f)
	}
	if f := field("kind"); f.Input != "select" || len(f.Options) != 2 || f.Options[1] != (param.Option{Value: "ema", Label: "Exponential"}) {
		t.Errorf("kind: %+v", f)
	}
	if f := field("share"); f.Input != "number" || f.Step != "any" || f.Min != "" || f.Max != "1" || f.DefaultText() != "0.25" {
		t.Errorf("share: %+v", f)
	}
	if f := field("wait"); f.Input != "text" || f.DefaultText() != "15m" || f.Text(json.RawMessage(`"90s"`)) != "90s" {
		t.Errorf("wait: %+v", f)
	}
	if f := field("tag"); f.Input != "text" || f.MinLength != 3 || f.MaxLength != 8 {
		t.Errorf("tag: %+v", f)
	}
	if f := field("trail"); f.Input != "checkbox" || f.DefaultText() != "false" {
		t.Errorf("trail: %+v", f)
	}
}

func TestFromForm(t *testing.T) {
	t.Parallel()
	s := schemaOf(t, defaults())
	good := url.Values{
		"fast": {" 12 "}, "factor": {".5"}, "share": {"0.30"}, "wait": {"30m"}, "kind": {"ema"}, "trail": {"false", "on"}, "csrf": {"x"},
	}
	got, err := s.Validate(s.FromForm(good))
	if err != nil {
		t.Fatal(err)
	}
	var p params
	if err := s.Decode(got, &p); err != nil || p.Fast != 12 || p.Factor != 0.5 || p.Share.String() != "0.3" ||
		p.Wait != 30*time.Minute || p.Kind != "ema" || !p.Trail {
		t.Errorf("got %+v, %v", p, err)
	}
	_, err = s.Validate(s.FromForm(url.Values{
		"fast": {""}, "slow": {"99999999999999999999"}, "factor": {"NaN"}, "share": {"1/2"}, "wait": {"soon"},
	}))
	want := "fast must be a whole number; slow is too large a number; factor must be a number; share must be a number such as 0.25; " +
		"wait must be a time span such as 90s, 15m or 4h"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	on := defaults()
	on.Trail = true
	s = schemaOf(t, on)
	if err := s.Decode(s.FromForm(url.Values{}), &p); err != nil || p.Trail {
		t.Error("a checkbox that is not ticked must be false whatever the default")
	}
	if err := s.Decode(s.FromTexts(map[string]string{"fast": "11"}), &p); err != nil || !p.Trail || p.Fast != 11 {
		t.Error("an absent text must be the default")
	}
	if err := s.Decode(s.FromTexts(map[string]string{"fats": "11"}), &p); err == nil || err.Error() != "fats is not a parameter here" {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestJSONSchema(t *testing.T) {
	t.Parallel()
	var got struct {
		Schema     string                     `json:"$schema"`
		Additional bool                       `json:"additionalProperties"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(schemaOf(t, defaults()).JSONSchema(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"fast": `{"$comment":"It must be below Slow average.","default":10,"description":"Length of the fast average.",` +
			`"maximum":500,"minimum":1,"title":"Fast average","type":"integer"}`,
		"slow":   `{"default":30,"exclusiveMinimum":1,"maximum":1000,"title":"Slow average","type":"integer"}`,
		"kind":   `{"default":"sma","enum":["sma","ema"],"title":"Average","type":"string"}`,
		"level":  `{"default":10,"enum":[10,20,200],"maximum":255,"minimum":0,"title":"level","type":"integer"}`,
		"factor": `{"$comment":"It must not be 5.","default":1.5,"exclusiveMaximum":10,"exclusiveMinimum":0,"title":"factor","type":"number"}`,
		"trail":  `{"default":false,"title":"Trailing","type":"boolean"}`,
	}
	for name, text := range want {
		if string(got.Properties[name]) != text {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got.Properties[name], text)
		}
	}
	if got.Schema != "https://json-schema.org/draft/2020-12/schema" || got.Additional || len(got.Properties) != 14 {
		t.Errorf("got %+v", got)
	}
}

func TestPairs(t *testing.T) {
	t.Parallel()
	type pairs struct {
		Other string `param:"other" label:"Other pair" kind:"pair"`
		Must  string `param:"must" label:"Pair" kind:"pair" validate:"required"`
	}
	s := schemaOf(t, pairs{Must: "XBTMYR"})
	for _, s := range []*param.Schema{s, overWire(t, s)} {
		f, _ := s.Field("other")
		if f.Kind != param.Pair || f.Input != "pair" || f.Type != param.Text || !strings.Contains(string(s.JSONSchema()), `"pattern":"^([A-Z0-9]{2,20})?$"`) {
			t.Errorf("the field is %+v", f)
		}
		for raw, want := range map[string]string{
			`{"other":"ETHMYR"}`: "", `{"other":""}`: "", `{"must":""}`: "must must not be empty", `{"other":"eth/myr"}`: "other must be the symbol of a market, such as XBTMYR",
			`{"other":"ETH MYR"}`: "other must be the symbol of a market, such as XBTMYR",
		} {
			_, err := s.Validate(json.RawMessage(raw))
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", raw, err, want)
			}
		}
	}
	// A schema of before has no kind, and one of a later release may have another.
	for _, kind := range []string{"", `"kind":"planet",`} {
		var later param.Schema
		if err := json.Unmarshal([]byte(`{"fields":[{"name":"x","label":"X","type":"text",`+kind+`"default":"some text","input":"text"}]}`), &later); err != nil {
			t.Fatal(err)
		}
		if f, _ := later.Field("x"); f.Kind != "" || f.Input != "text" {
			t.Errorf("%s gives %+v", kind, f)
		}
	}
	if _, err := param.Of(struct {
		X int `param:"x" kind:"pair"`
	}{}); err == nil || !strings.Contains(err.Error(), `its kind "pair" must be "pair", of a text`) {
		t.Errorf("a number that is a pair: %v", err)
	}
}
