using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Agents;

public sealed class SourceRegistrationTests
{
    private const string Secret = "TEST-ONLY-SOURCE-SECRET";

    public static TheoryData<string, string> Faults => new()
    {
        { """ "github" """, "$.source" },
        { """{}""", "source.type is one of github, stripe, slack, shopify, standard, powerlobster, twilio, meta, dropbox, twitter, zoom, discord, sns, graph, hmac" },
        { $$"""{"type":"{{Secret}}"}""", "source.type is one of github" },
        { $$"""{"type":"GitHub","secret":"{{Secret}}"}""", "source.type is one of github" },
        { """{"type":"github"}""", "source.secret" },
        { $$"""{"type":"github","secret":"{{Secret}}","secrets":["{{Secret}}"]}""", "source.secret" },
        { """{"type":"github","secrets":[]}""", "source.secrets" },
        { $$"""{"type":"github","secrets":["{{Secret}}","{{Secret}}","{{Secret}}"]}""", "source.secrets" },
        { $$"""{"type":"github","secrets":["{{Secret}}",null]}""", "secret has 8 to 512 characters" },
        { """{"type":"github","secret":""}""", "secret has 8 to 512 characters" },
        { $$"""{"type":"github","secret":"{{Secret}}\n"}""", "no space around it" },
        { $$"""{"type":"github","secret":["{{Secret}}"]}""", "$.source.secret" },
        { $$"""{"type":"github","secret":"{{Secret}}","header":"X-Sig"}""", "for the type hmac alone" },
        { $$"""{"type":"github","secret":"{{Secret}}","verify_token":"{{Secret}}"}""", "for the type meta alone" },
        { $$"""{"type":"github","secret":"{{Secret}}","topic_arn":"{{Secret}}"}""", "for the type sns alone" },
        { $$"""{"type":"meta","secret":"{{Secret}}"}""", "source.verify_token" },
        { $$"""{"type":"meta","secret":"{{Secret}}","verify_token":"short"}""", "source.verify_token" },
        { $$"""{"type":"discord","secret":"{{Secret}}"}""", "public key" },
        { """{"type":"discord","secret":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f7075100"}""", "public key" },
        { """{"type":"discord","secret":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f70751"}""", "public key" },
        { """{"type":"sns"}""", "source.topic_arn" },
        { $$"""{"type":"sns","topic_arn":"{{Secret}}"}""", "source.topic_arn" },
        { """{"type":"sns","topic_arn":"arn:aws:sns:eu-west-1.evil.example:123456789012:t"}""", "source.topic_arn" },
        { $$"""{"type":"sns","secret":"{{Secret}}","topic_arn":"arn:aws:sns:eu-west-1:123456789012:t"}""", "sns has no secret" },
        { $$"""{"type":"standard","secret":"whsec_{{Secret}}"}""", "whsec_" },
        { $$"""{"type":"hmac","secret":"{{Secret}}"}""", "source.header" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X Sig"}""", "source.header" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","timestamp_header":""}""", "source.timestamp_header" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","timestampheader":"X-Time"}""", "$.source" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","algorithm":"md5"}""", "source.algorithm is sha256, sha1 or sha512" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","encoding":"base32"}""", "source.encoding is hex or base64" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","prefix":"é"}""", "source.prefix" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","template":"{body}{body}"}""", "source.template" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","template":"{id}.{body}"}""", "source.template" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","template":"{timestamp}.{body}"}""", "source.template" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","timestamp_header":"X-Time","template":"{body}"}""", "source.template" },
        { $$"""{"type":"hmac","secret":"{{Secret}}","header":"X-Sig","template":"{{new string('x', 300)}}{body}"}""", "source.template" },
    };

    [Fact]
    public async Task A_faulty_source_is_named_and_its_secret_is_not_repeated()
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        foreach (var (source, named) in Faults.Select(static row => ((string)row[0], (string)row[1])))
        {
            using var response = await RegisterAsync(relay, source);

            var error = await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
            Assert.Contains(named, error.GetProperty("message").GetString(), StringComparison.Ordinal);
            Assert.DoesNotContain(Secret, error.GetRawText(), StringComparison.Ordinal);
        }

        Assert.DoesNotContain(relay.Logs.Texts, static text => text.Contains(Secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_source_may_be_null()
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await RegisterAsync(relay, "null");

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    [Theory, OnEachStore]
    public async Task A_sources_secrets_are_neither_answered_kept_nor_logged_in_clear_text(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);

        using var response = await RegisterAsync(relay, $$"""{"type":"hmac","secrets":["{{Secret}}","{{Secret}}-new"],"header":"X-Sig"}""");
        var answer = await response.Content.ReadAsStringAsync();
        var relayId = JsonElement.Parse(answer).GetProperty("relay_id").GetString()!;
        using var refused = await relay.Http.PostAsync(new Uri($"/api/v1/webhook/{relayId}", UriKind.Relative), new StringContent("{}"));
        await Expect.ErrorAsync(refused, HttpStatusCode.Unauthorized, "invalid_signature");

        var kept = Encoding.Latin1.GetString(await relay.Store.DumpAsync());
        Assert.Contains(relayId, kept, StringComparison.Ordinal);
        Assert.All([answer, kept, .. relay.Logs.Texts], static text => Assert.DoesNotContain(Secret, text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_source_survives_a_restart()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync(new RegisterRequest { Source = new SourceSettings { Type = "github", Secret = Secret } });

        await relay.RestartAsync();

        using var refused = await relay.PostAsync(agent, "{}"u8.ToArray());
        await Expect.ErrorAsync(refused, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    private static async Task<HttpResponseMessage> RegisterAsync(RelayHost relay, string source)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/register")
        {
            Content = new StringContent($$"""{"name":"n","source":{{source}}}""", new MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Add("X-Admin-Key", RelayHost.AdminKey);
        return await relay.Http.SendAsync(request);
    }
}
