from infra.deploy.deploy import Deployed


def test_the_page_is_at_the_root_of_the_stage() -> None:
    deployed = Deployed(
        "https://a1.execute-api.us-east-1.amazonaws.com/dev/api", "wss://b2/dev", changed=True
    )

    assert deployed.page_url == "https://a1.execute-api.us-east-1.amazonaws.com/dev/"
