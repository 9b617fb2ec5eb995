"""`xl static`: static word vectors out of an encoder, one space for many languages, and what they are worth."""

import typer

from xl_cli.commands.static.bli import bli
from xl_cli.commands.static.extract import extract
from xl_cli.commands.static.induce import induce
from xl_cli.commands.static.map import map_vectors
from xl_cli.commands.static.multilingual import multilingual
from xl_cli.commands.static.neighbours import neighbours
from xl_cli.commands.static.refine import refine
from xl_cli.commands.static.similarity import similarity
from xl_cli.commands.static.train import train

static = typer.Typer(
    no_args_is_help=True,
    help="Static word vectors: take them out of an encoder or a text, bring languages into one space, score them.",
    short_help="Word vectors: extract, train, map, score.",
)
static.command("extract", short_help="Static vectors from an encoder.")(extract)
static.command("multilingual", short_help="Vectors of many languages in one space.")(multilingual)
static.command("train", short_help="word2vec and fastText vectors of a text.")(train)
static.command("map", short_help="Bring vectors of languages into one space.")(map_vectors)
static.command("bli", short_help="Score word translation.")(bli)
static.command("induce", short_help="Write a dictionary from mapped vectors.")(induce)
static.command("neighbours", short_help="Write a table of near words of one language.")(neighbours)
static.command("refine", short_help="Move words by feedback, in rounds.")(refine)
static.command("similarity", short_help="Score word similarity.")(similarity)
