"""Sentences of three topics: English ones to learn from, others of their own in English, Turkish and Russian."""

TRAIN = {
    "sports": (
        "The striker scored twice in the second half.",
        "She won the gold medal in the long jump.",
        "The tennis match lasted more than four hours.",
        "Fans celebrated the victory of their football club.",
        "The cyclist finished the race in record time.",
        "The coach was happy with his players.",
        "The basketball team lost the championship game.",
        "Swimmers train every morning before the Olympic Games.",
    ),
    "health": (
        "The doctor told her to take the medicine twice a day.",
        "The vaccine protects children from measles.",
        "Nurses looked after the patients in the hospital.",
        "High blood pressure can damage the heart.",
        "He has had a cough and a fever for three days.",
        "The surgeon operated on his broken leg.",
        "Smoking increases the risk of lung cancer.",
        "The virus spread quickly through the city's clinics.",
    ),
    "travel": (
        "The hotel is close to the beach and the old town.",
        "Tourists need a visa to enter the country.",
        "Our flight to Rome was delayed by two hours.",
        "You can buy train tickets at the station.",
        "The guide showed the visitors the ancient temple.",
        "We rented a car at the airport.",
        "The ferry to the island leaves at noon.",
        "Pack light clothes for your holiday in the desert.",
    ),
}
DEV = {
    "sports": ("The goalkeeper saved a penalty.", "The runner broke the world record.",
               "Their team is top of the league."),
    "health": ("The dentist pulled out a tooth.", "The disease is treated with antibiotics.",
               "Her pain got worse at night."),
    "travel": ("The museum is open to visitors on Sundays.", "Passengers must show their passports.",
               "We booked a room with a view of the sea."),
}  # fmt: skip
TEST = {
    "eng_Latn": {
        "sports": ("The referee ended the match early.", "He plays hockey for the national team.",
                   "The boxer was beaten in the third round.", "Thousands ran the marathon in London."),
        "health": ("The patient recovered after the operation.", "Too much sugar causes diabetes.",
                   "The clinic ran out of medicine.", "An allergy made her skin itch."),
        "travel": ("The airline cancelled all flights to Paris.", "Their hostel was near the railway station.",
                   "The bus tour stops at three castles.", "Leave your suitcase at the hotel reception."),
    },
    "tur_Latn": {
        "sports": ("Takım son dakikada bir gol attı.", "Güreşçi dünya şampiyonu oldu.",
                   "Basketbol maçını ev sahibi kazandı.", "Antrenör yeni bir oyuncu istiyor."),
        "health": ("Hasta dün ameliyat edildi.", "Doktor ona ilaç yazdı.",
                   "Grip aşısı yaşlıları korur.", "Başı ağrıdığı için hastaneye gitti."),
        "travel": ("Otelimiz denize çok yakındı.", "Uçak İstanbul'dan iki saat geç kalktı.",
                   "Turistler eski şehri gezdi.", "Trene binmeden önce bilet almalısınız."),
    },
    "rus_Cyrl": {
        "sports": ("Нападающий забил гол в конце матча.", "Она выиграла золотую медаль по плаванию.",
                   "Тренер доволен игрой своей команды.", "Теннисистка победила в финале турнира."),
        "health": ("Врач выписал больному лекарство.", "Прививка защищает детей от кори.",
                   "После операции пациент выздоровел.", "У него высокая температура и кашель."),
        "travel": ("Гостиница находится рядом с пляжем.", "Наш рейс в Москву задержали на два часа.",
                   "Туристы осмотрели старый замок.", "Билеты на поезд можно купить на вокзале."),
    },
}  # fmt: skip

TOPIC_TEXTS = [text for topics in (TRAIN, DEV, *TEST.values()) for texts in topics.values() for text in texts]
