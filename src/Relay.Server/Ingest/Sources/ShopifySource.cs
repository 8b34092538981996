namespace Relay.Server.Ingest.Sources;

/// <summary>Shopify: shopify.dev/docs/apps/build/webhooks/verify-deliveries.</summary>
internal sealed class ShopifySource(SourceKeys keys) : ISource
{
    public const string Name = "shopify";

    private static readonly HmacScheme Scheme = new("X-Shopify-Hmac-Sha256") { Encoding = SignatureEncoding.Base64 };

    public string Type => Name;

    public bool Verify(in SourceRequest request) => Scheme.Verify(request, keys);
}
