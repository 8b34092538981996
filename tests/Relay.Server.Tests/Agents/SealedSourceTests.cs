using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Agents;

/// <summary>An agent whose source cannot be opened takes nothing: it must not look like one without a source.</summary>
public sealed class SealedSourceTests
{
    private const int UnexpectedFailure = 1002;

    [Theory]
    [InlineData("""{"type":"of_a_later_version","secret":"test-only-secret"}""")]
    [InlineData("""{"type":"github","secret":"test-only-secret","setting_of_a_later_version":true}""")]
    [InlineData("not json")]
    [InlineData("null")]
    public async Task A_source_that_this_version_does_not_know_lets_nothing_pass(string settings) =>
        await AssertNothingPassesAsync((secrets, id) => secrets.Seal(settings, AgentDirectory.SourcePurpose(id)));

    [Fact]
    public async Task A_source_that_was_sealed_for_another_agent_lets_nothing_pass() =>
        await AssertNothingPassesAsync((secrets, _) => secrets.Seal("""{"type":"github","secret":"test-only-secret"}""", AgentDirectory.SourcePurpose(RelayId.New())));

    private static async Task AssertNothingPassesAsync(Func<SecretBox, RelayId, string> seal)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        relay.Logs.Expect(UnexpectedFailure);
        var (id, secrets, apiKey) = (RelayId.New(), relay.Services.GetRequiredService<SecretBox>(), ApiKey.New());
        await relay.Services.GetRequiredService<IAgentStore>().AddAsync(
            new AgentRecord
            {
                Id = id,
                KeyHash = apiKey.Hash(),
                SealedApiKey = secrets.Seal(apiKey.Reveal(), AgentDirectory.ApiKeyPurpose(id)),
                SealedSigningSecret = secrets.Seal(SigningSecret.New().Reveal(), AgentDirectory.SigningSecretPurpose(id)),
                SealedSource = seal(secrets, id),
                CreatedAt = 1,
            },
            CancellationToken.None);
        var signature = "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData("test-only-secret"u8, "{}"u8));

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{id}") { Content = new ByteArrayContent("{}"u8.ToArray()) };
        request.Headers.Add("X-Hub-Signature-256", signature);
        using var response = await relay.Http.SendAsync(request);

        await Expect.ErrorAsync(response, HttpStatusCode.InternalServerError, "internal_error");
    }
}
