using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Relay.Protocol;
using Relay.Server.Ingest.Sources;
using Relay.Server.Ingest.Sources.Sns;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Ingest;

/// <summary>
/// Amazon SNS through the whole server, with a certificate of the test's own in the place of Amazon's: it publishes no message whose
/// certificate can still be had. What is signed is written out here as the documentation has it.
/// </summary>
public sealed partial class SnsTests : IAsyncLifetime, IDisposable
{
    private const int FetchFailed = 1132;
    private const string Topic = "arn:aws:sns:us-west-2:123456789012:MyTopic";
    private const string Host = "https://sns.us-west-2.amazonaws.com";
    private const string CertificateUrl = Host + "/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";
    private const string SubscribeUrl = Host + "/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:123456789012:MyTopic&Token=2336412f37";

    private readonly RSA _key = RSA.Create(2048);
    private readonly X509Certificate2 _root;
    private readonly FakeAmazon _amazon = new();
    private RelayHost _relay = null!;
    private RegisterResponse _agent = null!;

    public SnsTests() => _root = MakeRoot();

    public async Task InitializeAsync()
    {
        Serve(Certify("CN=sns.amazonaws.com"));
        _amazon.Answers[SubscribeUrl] = () => Answer("<ConfirmSubscriptionResponse/>");
        _relay = RelayHost.Start(
            await StoreSetup.CreateAsync("embedded"),
            ownClock: true,
            services => services
                .Replace(ServiceDescriptor.Singleton(provider => new ProviderWeb(_amazon, provider.GetRequiredService<ILogger<ProviderWeb>>())))
                .Replace(ServiceDescriptor.Singleton(provider => new SnsTrust(
                    provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SnsTrust>>(), [_root]))));
        _agent = await _relay.RegisterAsync(new RegisterRequest { Source = new SourceSettings { Type = "sns", TopicArn = Topic } });
    }

    public async Task DisposeAsync() => await _relay.DisposeAsync();

    public void Dispose()
    {
        _key.Dispose();
        _root.Dispose();
        _amazon.Dispose();
    }

    [Theory]
    [InlineData("1", "My First Message")]
    [InlineData("2", "My First Message")]
    [InlineData("1", null)]
    [InlineData("2", null)]
    public async Task What_sns_signed_is_delivered_as_verified_and_its_certificate_is_fetched_once(string version, string? subject)
    {
        await using var connected = await _relay.ConnectAsync(_agent);

        for (var i = 0; i < 3; i++)
        {
            using var response = await PostAsync(Notification($"id-{i}", version, subject));
            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
            Assert.Equal(new SourceInfo { Type = "sns", Verified = true }, (await connected.ReceiveWebhookAsync()).Source);
        }

        Assert.Equal([CertificateUrl], _amazon.Asked);
    }

    [Fact]
    public async Task A_message_that_comes_again_is_a_duplicate()
    {
        using var first = await PostAsync(Notification("id-1"));
        using var second = await PostAsync(Notification("id-1"));

        Assert.Equal("queued", (await RelayHost.ReadJsonAsync(first)).GetProperty("status").GetString());
        Assert.Equal("duplicate", (await RelayHost.ReadJsonAsync(second)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_subscription_is_confirmed_and_is_no_event()
    {
        using var response = await PostAsync(Confirmation());

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/plain", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal([CertificateUrl, SubscribeUrl], _amazon.Asked);
        await using var connected = await _relay.ConnectAsync(_agent);
        Assert.Equal(0, connected.Welcome.GetProperty("pending").GetInt64());
    }

    [Fact]
    public async Task A_subscription_whose_signature_is_wrong_is_not_confirmed()
    {
        var forged = Confirmation();
        forged["SubscribeURL"] += "&x=1";

        using var response = await PostAsync(forged);

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
        Assert.Equal([CertificateUrl], _amazon.Asked);
    }

    [Theory]
    [InlineData("https://sns.us-west-2.amazonaws.com.evil.example/")]
    [InlineData("https://sns.us-east-1.amazonaws.com/")]
    [InlineData("http://sns.us-west-2.amazonaws.com/")]
    [InlineData("https://sns.us-west-2.amazonaws.com:8443/")]
    [InlineData("https://user@sns.us-west-2.amazonaws.com/")]
    [InlineData("https://169.254.169.254/latest/meta-data/")]
    public async Task No_address_but_the_providers_is_fetched_even_if_it_is_signed(string url)
    {
        var message = Confirmation();
        message["SubscribeURL"] = url;

        using var response = await PostAsync(Sign(message));

        await Expect.ErrorAsync(response, HttpStatusCode.Forbidden, "invalid_challenge");
        Assert.Equal([CertificateUrl], _amazon.Asked);
    }

    [Theory]
    [InlineData("https://sns.us-west-2.amazonaws.com.evil.example/SimpleNotificationService-1.pem")]
    [InlineData("https://evil.example/SimpleNotificationService-1.pem")]
    [InlineData("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem")]
    [InlineData("https://bucket.s3.amazonaws.com/SimpleNotificationService-1.pem")]
    [InlineData("http://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem")]
    [InlineData("https://sns.us-west-2.amazonaws.com:444/SimpleNotificationService-1.pem")]
    [InlineData("https://sns.us-west-2.amazonaws.com@evil.example/SimpleNotificationService-1.pem")]
    [InlineData("https://sns.us-west-2.amazonaws.com\\@evil.example/SimpleNotificationService-1.pem")]
    [InlineData("https://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem?Action=x")]
    [InlineData("https://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem#x")]
    [InlineData("https://sns.us-west-2.amazonaws.com/?x=/SimpleNotificationService-1.pem")]
    [InlineData("https://sns.us-west-2.amazonaws.com/a/../../SimpleNotificationService-1.pem/x")]
    [InlineData("/SimpleNotificationService-1.pem")]
    [InlineData("")]
    public async Task No_certificate_is_fetched_from_anywhere_else(string url)
    {
        var message = Notification("id-1");
        message["SigningCertURL"] = url;

        using var response = await PostAsync(message);

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
        Assert.Empty(_amazon.Asked);
    }

    [Theory]
    [InlineData("Message", "another")]
    [InlineData("Subject", "another")]
    [InlineData("MessageId", "another")]
    [InlineData("Timestamp", "2026-01-02T03:04:06.000Z")]
    [InlineData("Type", "UnsubscribeConfirmation")]
    [InlineData("Type", "Other")]
    [InlineData("SignatureVersion", "1")]
    [InlineData("SignatureVersion", "3")]
    [InlineData("Signature", "AAAA")]
    [InlineData("Signature", "not base64")]
    public async Task A_changed_message_is_refused(string field, string value)
    {
        var message = Notification("id-1");
        message[field] = value;

        using var response = await PostAsync(message);

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    [Fact]
    public async Task Another_topic_is_refused_however_well_it_is_signed_and_nothing_is_fetched()
    {
        var message = Notification("id-1");
        message["TopicArn"] = "arn:aws:sns:us-west-2:999999999999:MyTopic";

        using var response = await PostAsync(Sign(message));

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
        Assert.Empty(_amazon.Asked);
    }

    [Fact]
    public async Task A_field_that_is_there_twice_makes_it_no_message()
    {
        var twice = "{\"Message\":\"forged\"," + JsonSerializer.Serialize(Notification("id-1"))[1..];

        using var response = await _relay.PostAsync(_agent, Encoding.UTF8.GetBytes(twice));

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    [Fact]
    public async Task A_message_may_come_for_an_hour_because_it_is_signed_once()
    {
        var message = Notification("id-1");

        _relay.Clock!.Advance(TimeSpan.FromMinutes(65));
        using var inTime = await PostAsync(message);
        _relay.Clock.Advance(TimeSpan.FromSeconds(1));
        using var late = await PostAsync(message);
        message["Timestamp"] = "2026-01-02T04:11:07.000Z";
        using var early = await PostAsync(Sign(message));

        Assert.Equal(HttpStatusCode.Accepted, inTime.StatusCode);
        await Expect.ErrorAsync(late, HttpStatusCode.Unauthorized, "invalid_signature");
        await Expect.ErrorAsync(early, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    public static TheoryData<string> Failures => ["status", "redirect", "too large", "no certificate", "no connection"];

    [Theory, MemberData(nameof(Failures))]
    public async Task Without_the_certificate_the_message_is_put_off_and_taken_later(string failure)
    {
        _relay.Logs.Expect(FetchFailed);
        var right = _amazon.Answers[CertificateUrl];
        _amazon.Answers[CertificateUrl] = Fail(failure);
        using (var putOff = await PostAsync(Notification("id-1")))
        {
            await Expect.ErrorAsync(putOff, HttpStatusCode.ServiceUnavailable, "provider_unavailable");
            Assert.NotNull(putOff.Headers.RetryAfter);
        }

        _amazon.Answers[CertificateUrl] = right;
        using var taken = await PostAsync(Notification("id-1"));

        Assert.Equal(HttpStatusCode.Accepted, taken.StatusCode);
        Assert.All(_amazon.Asked, static url => Assert.Equal(CertificateUrl, url));
    }

    [Fact]
    public async Task A_subscription_that_cannot_be_confirmed_now_is_put_off()
    {
        _relay.Logs.Expect(FetchFailed);
        _amazon.Answers[SubscribeUrl] = Fail("status");

        using var response = await PostAsync(Confirmation());

        await Expect.ErrorAsync(response, HttpStatusCode.ServiceUnavailable, "provider_unavailable");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"TopicArn":7,"SigningCertURL":{}}""")]
    [InlineData("""{"Type":"\ud800"}""")]
    public async Task What_is_no_message_is_refused(string body)
    {
        using var response = await _relay.PostAsync(_agent, Encoding.UTF8.GetBytes(body));

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    private static HttpResponseMessage Answer(string content) => new(HttpStatusCode.OK) { Content = new StringContent(content) };

    private static Func<HttpResponseMessage> Fail(string failure) => failure switch
    {
        "status" => static () => new HttpResponseMessage(HttpStatusCode.BadGateway),
        "redirect" => static () => new HttpResponseMessage(HttpStatusCode.Found) { Headers = { Location = new Uri("https://evil.example/") } },
        "too large" => static () => Answer(new string('x', (64 << 10) + 1)),
        "no certificate" => static () => Answer("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        _ => static () => throw new HttpRequestException("refused"),
    };

    /// <summary>docs.aws.amazon.com/sns/latest/dg/http-notification-json.html</summary>
    private Dictionary<string, string> Notification(string id, string version = "2", string? subject = "My First Message")
    {
        Dictionary<string, string> message = new()
        {
            ["Type"] = "Notification",
            ["MessageId"] = id,
            ["TopicArn"] = Topic,
            ["Message"] = "Hello \"wörld\"!\nsecond line",
            ["Timestamp"] = "2026-01-02T03:04:05.678Z",
            ["SignatureVersion"] = version,
            ["SigningCertURL"] = CertificateUrl,
            ["UnsubscribeURL"] = Host + "/?Action=Unsubscribe",
        };
        if (subject is not null)
        {
            message["Subject"] = subject;
        }

        return Sign(message);
    }

    /// <summary>docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html</summary>
    private Dictionary<string, string> Confirmation() => Sign(new()
    {
        ["Type"] = "SubscriptionConfirmation",
        ["MessageId"] = "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        ["Token"] = "2336412f37",
        ["TopicArn"] = Topic,
        ["Message"] = "You have chosen to subscribe to the topic.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
        ["SubscribeURL"] = SubscribeUrl,
        ["Timestamp"] = "2026-01-02T03:04:05.678Z",
        ["SignatureVersion"] = "1",
        ["SigningCertURL"] = CertificateUrl,
    });

    private Dictionary<string, string> Sign(Dictionary<string, string> message)
    {
        var m = message;
        var subject = m.TryGetValue("Subject", out var text) ? $"Subject\n{text}\n" : "";
        var signed = m["Type"] == "Notification"
            ? $"Message\n{m["Message"]}\nMessageId\n{m["MessageId"]}\n{subject}Timestamp\n{m["Timestamp"]}\nTopicArn\n{m["TopicArn"]}\nType\n{m["Type"]}\n"
            : $"Message\n{m["Message"]}\nMessageId\n{m["MessageId"]}\nSubscribeURL\n{m["SubscribeURL"]}\nTimestamp\n{m["Timestamp"]}\nToken\n{m["Token"]}\nTopicArn\n{m["TopicArn"]}\nType\n{m["Type"]}\n";
        var algorithm = m["SignatureVersion"] == "1" ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256;
        m["Signature"] = Convert.ToBase64String(_key.SignData(Encoding.UTF8.GetBytes(signed), algorithm, RSASignaturePadding.Pkcs1));
        return m;
    }

    private Task<HttpResponseMessage> PostAsync(Dictionary<string, string> message) =>
        _relay.PostAsync(_agent, JsonSerializer.SerializeToUtf8Bytes(message), "text/plain; charset=UTF-8");

    /// <summary>Answers what it was told to, and keeps what it was asked.</summary>
    private sealed class FakeAmazon : HttpMessageHandler
    {
        public Dictionary<string, Func<HttpResponseMessage>> Answers { get; } = [];

        public List<string> Asked { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked.Add(request.RequestUri!.OriginalString);
            return Task.FromResult(Answers[request.RequestUri.OriginalString]());
        }
    }
}
