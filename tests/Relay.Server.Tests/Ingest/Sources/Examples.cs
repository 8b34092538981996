using Relay.Protocol;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Tests.Ingest.Sources;

/// <summary>One for each way of signing. Where a provider publishes an example, it is that one; else the command that made it stands beside it.</summary>
internal static class Examples
{
    // docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries, "Testing the webhook payload validation".
    public static readonly SignedExample GitHub = new("github", SignedExample.Of("github"), "It's a Secret to Everybody", "Hello, World!")
    {
        Headers = { ["X-Hub-Signature-256"] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" },
    };

    // printf %s '1767323045.{"id":"evt_1","object":"event"}' | openssl dgst -sha256 -hmac whsec_test_only_stripe
    public static readonly SignedExample Stripe = new("stripe", SignedExample.Of("stripe"), "whsec_test_only_stripe", """{"id":"evt_1","object":"event"}""")
    {
        Headers = { ["Stripe-Signature"] = "t=1767323045,v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39,v1=133790eba1869ddea279818894c1393aa40870b9daaf31b0bc9fe243657e15cd" },
        SignedAt = 1_767_323_045,
    };

    // docs.slack.dev/authentication/verifying-requests-from-slack, "A recipe for security".
    public static readonly SignedExample Slack = new(
        "slack",
        SignedExample.Of("slack"),
        "8f742231b10e8888abcd99yyyzzz85a5",
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c")
    {
        Headers =
        {
            ["X-Slack-Signature"] = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            ["X-Slack-Request-Timestamp"] = "1531420618",
        },
        SignedAt = 1_531_420_618,
    };

    // printf %s '{"id":820982911946154508}' | openssl dgst -sha256 -hmac test_only_shopify -binary | base64
    public static readonly SignedExample Shopify = new("shopify", SignedExample.Of("shopify"), "test_only_shopify", """{"id":820982911946154508}""")
    {
        Headers = { ["X-Shopify-Hmac-Sha256"] = "Du27l9PmYzy+oGS8sF/qoVF9QPkhpOixTasOl3vLh+A=" },
    };

    // docs.svix.com/receiving/verifying-payloads/how-manual, whose scheme and example Standard Webhooks took over.
    public static readonly SignedExample Standard = new("standard", SignedExample.Of("standard"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", """{"test": 2432232314}""")
    {
        Headers =
        {
            ["webhook-id"] = "msg_p5jXN8AQM9LWM0D4loKWxJek",
            ["webhook-timestamp"] = "1614265330",
            ["webhook-signature"] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        SignedAt = 1_614_265_330,
    };

    // printf %s '1767323045000.{"event_id":"pl_1"}' | openssl dgst -sha256 -hmac test_only_powerlobster
    public static readonly SignedExample PowerLobster = new("powerlobster in ms", SignedExample.Of("powerlobster"), "test_only_powerlobster", """{"event_id":"pl_1"}""")
    {
        Headers =
        {
            ["X-PowerLobster-Signature"] = "sha256=e99910136b3b17ea4bf14801db54b4ef169d73021d515c58b1633a7194e1e8e2",
            ["X-PowerLobster-Timestamp"] = "1767323045000",
        },
        SignedAt = 1_767_323_045,
    };

    // printf %s '1767323045.{"event_id":"pl_1"}' | openssl dgst -sha256 -hmac test_only_powerlobster
    public static readonly SignedExample PowerLobsterInSeconds = PowerLobster with
    {
        Name = "powerlobster in s",
        Headers = new()
        {
            ["X-PowerLobster-Signature"] = "sha256=818ae5ac6c4af7d2408b92ace4a3a8692ab8559e7b6d36963c6fab697f0551a0",
            ["X-PowerLobster-Timestamp"] = "1767323045",
        },
    };

    // github.com/twilio/twilio-csharp, RequestValidatorTest.cs: TestValidateDictionary.
    public static readonly SignedExample Twilio = new(
        "twilio form", Twilios, "12345", "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE")
    {
        Headers = { ["X-Twilio-Signature"] = "RSOYDt4T1cUTdK1PDd93/VVr8B8=", ["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8" },
        Url = "https://mycompany.com/myapp.php?foo=1&bar=2",
    };

    // The same file: TestValidateWithBody.
    public static readonly SignedExample TwilioJson = new("twilio json", Twilios, "12345", """{"property": "value", "boolean": true}""")
    {
        Headers = { ["X-Twilio-Signature"] = "a9nBmqA0ju/hNViExpshrM61xv4=" },
        Url = "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
    };

    // printf %s hello | openssl dgst -sha1 -hmac test_only_hmac
    public static readonly SignedExample HmacSha1 = Hmac("hmac sha1 hex", new() { Header = "X-Sig", Algorithm = "sha1", Prefix = "sha1=" }) with
    {
        Headers = new() { ["X-Sig"] = "sha1=572bf79eb8a8b09b5635e6cb2022ca728a928c84" },
    };

    // printf %s hello | openssl dgst -sha256 -hmac test_only_hmac -binary | base64
    public static readonly SignedExample HmacBase64 = Hmac("hmac sha256 base64", new() { Header = "Authorization", Encoding = "base64", Prefix = "HMAC " }) with
    {
        Headers = new() { ["Authorization"] = "HMAC Acvc8PafkJHgngg6a5w6vOzBayGxwFl1MVHh9soBISA=" },
    };

    // printf %s 1767323045.hello | openssl dgst -sha256 -hmac test_only_hmac
    public static readonly SignedExample HmacTimestamp = Hmac("hmac with time", new() { Header = "X-Sig", TimestampHeader = "X-Time" }) with
    {
        Headers = new() { ["X-Sig"] = "2544cee90bbb25654636bf48ab0f5cf39f74732d488b73a819b0d4688d6eadd5", ["X-Time"] = "1767323045" },
        SignedAt = 1_767_323_045,
    };

    // printf %s v2:1767323045:hello:end | openssl dgst -sha512 -hmac test_only_hmac -binary | base64 -w0
    public static readonly SignedExample HmacTemplate = Hmac(
        "hmac sha512 with template", new() { Header = "X-Sig", Algorithm = "sha512", Encoding = "base64", TimestampHeader = "X-Time", Template = "v2:{timestamp}:{body}:end" }) with
    {
        Headers = new() { ["X-Sig"] = "N6MGD2iNrZdI4v1SLEitBrt76qYGArUMC3gLogZZDVgF93LGROH2T1kDe3NluYwbc7Yx5hz4JOWJ6K0rNjIOwg==", ["X-Time"] = "1767323045" },
        SignedAt = 1_767_323_045,
    };

    // Meta, Dropbox, X, Zoom and Discord publish no signed example. printf %s '{"object":"page","entry":[]}' | openssl dgst -sha256 -hmac test_only_meta
    public static readonly SignedExample Meta = new(
        "meta", SignedExample.Of(new SourceSettings { Type = "meta", VerifyToken = "test-only-token" }), "test_only_meta", """{"object":"page","entry":[]}""")
    {
        Headers = { ["X-Hub-Signature-256"] = "sha256=8c2b1bd1d551269495e0c8349ae87f0271a0a260cf69ff49d796c9d82a86dcff" },
    };

    // printf %s '{"list_folder":{"accounts":["dbid:1"]}}' | openssl dgst -sha256 -hmac test_only_dropbox
    public static readonly SignedExample Dropbox = new("dropbox", SignedExample.Of("dropbox"), "test_only_dropbox", """{"list_folder":{"accounts":["dbid:1"]}}""")
    {
        Headers = { ["X-Dropbox-Signature"] = "131b3f37061719955595d032ecd75ab494af18ac2e4aea2290d03d848ce47265" },
    };

    // printf %s '{"for_user_id":"1"}' | openssl dgst -sha256 -hmac test_only_twitter -binary | base64
    public static readonly SignedExample Twitter = new("twitter", SignedExample.Of("twitter"), "test_only_twitter", """{"for_user_id":"1"}""")
    {
        Headers = { ["X-Twitter-Webhooks-Signature"] = "sha256=jEO39Yjtt4iOQ+GpiDnDKDcz0Uvu6S+xN5uahml3LCI=" },
    };

    // printf %s 'v0:1767323045:{"event":"meeting.started","event_ts":1767323045000}' | openssl dgst -sha256 -hmac test_only_zoom
    public static readonly SignedExample Zoom = new(
        "zoom", SignedExample.Of("zoom"), "test_only_zoom", """{"event":"meeting.started","event_ts":1767323045000}""")
    {
        Headers =
        {
            ["x-zm-signature"] = "v0=52144505b10a85a024b1130625925acc14dca232e9317cb5b65ed258f031d69c",
            ["x-zm-request-timestamp"] = "1767323045",
        },
        SignedAt = 1_767_323_045,
    };

    // With the key of RFC 8032 §7.1, test 1, as a PKCS #8 file; discord.txt has 1767323045{"type":2,"id":"846462639134605312"}:
    // openssl pkeyutl -sign -inkey key.pem -rawin -in discord.txt | xxd -p -c 64
    public static readonly SignedExample Discord = new(
        "discord", SignedExample.Of("discord"), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", """{"type":2,"id":"846462639134605312"}""")
    {
        Headers =
        {
            ["X-Signature-Ed25519"] = "a4c4ae9fa569a6e91664eb4e57910e3032ffbc67b134ba48c5c2e2edbbbe21d15325f9b252696384557248346a8b259d7eca5ac160d285e2f1dc6b6c4e5af007",
            ["X-Signature-Timestamp"] = "1767323045",
        },
        SignedAt = 1_767_323_045,
        WrongSecret = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    };

    public static IReadOnlyList<SignedExample> All { get; } =
    [
        GitHub, Stripe, Slack, Shopify, Standard, PowerLobster, PowerLobsterInSeconds, Twilio, TwilioJson, HmacSha1, HmacBase64, HmacTimestamp, HmacTemplate,
        Meta, Dropbox, Twitter, Zoom, Discord,
    ];

    private static SignedExample Hmac(string name, SourceSettings settings) => new(name, SignedExample.Of(settings with { Type = "hmac" }), "test_only_hmac", "hello");

    private static TwilioSource Twilios(string[] secrets) => new(new SourceKeys(secrets));
}
